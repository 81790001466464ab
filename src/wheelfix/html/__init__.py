"""HTML pages for people: markup that cannot be escaped from, one document skeleton, one look, a few components."""
