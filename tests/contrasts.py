"""How well colours can be told apart, as WCAG defines it: https://www.w3.org/TR/WCAG22/#contrast-minimum."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as ``#1f2328``; text needs 4.5."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
