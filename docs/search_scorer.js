"use strict";

/* How the search ranks what it finds. Sphinx counts the best single word, so that a page in whose title one word of a question is wins over
   the page whose title is the question, and ties are listed by name. Here each word of the question that is in the title counts, without its
   ending, and guides come before lists. */
var Scorer = (() => {
  const minor = new Set(["a", "and", "for", "from", "how", "in", "is", "my", "of", "on", "the", "to", "was", "what", "which", "with"]);
  const stem = (word) => (word.length > 4 ? word.replace(/(ed|es|s|ing)$/, "") : word);
  const words = (text) => (text.toLowerCase().match(/[\p{L}\p{N}_-]+/gu) ?? []).filter((word) => !minor.has(word)).map(stem);
  const asked = words(new URLSearchParams(window.location.search).get("q") ?? "");

  return {
    score: ([docName, title, _anchor, _description, score, _file, _kind]) => {
      const own = words(title.split(" > ").pop());
      const found = asked.filter((word) => own.includes(word)).length;
      const part = asked.length ? (30 * found) / asked.length : 0;
      const whole = own.length && own.every((word) => asked.includes(word)) ? 20 : 0;
      return score + part + whole + (/^(start|guides)\//.test(docName) ? 5 : 0);
    },

    // What Sphinx gives by default.
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
  };
})();
