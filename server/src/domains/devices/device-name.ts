/** What a device calls itself is shown to people and models: one line, nothing hidden in it. */

// Controls, formats (bidi marks, zero-width and tag characters), private use, lone surrogates.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]+/gu

/** Null when nothing visible is left. */
export function cleanName(text: string, maximum = 255): string | null {
  const visible = text.replaceAll(/\s+/g, ' ').replaceAll(HIDDEN, '').replaceAll(/ +/g, ' ').trim()
  return visible === '' ? null : [...visible].slice(0, maximum).join('')
}

/** As a machine names itself: what can't stand in a host name is no part of it, and so no sentence fits into one. */
export function hostName(text: string): string | null {
  const name = cleanName(text, 255)
    ?.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
  return name ? [...name].slice(0, LONGEST_HOST_NAME).join('') : null
}
/** RFC 1035 §2.3.4, of one label; longer names are cut. */
const LONGEST_HOST_NAME = 63

/** A product's name and version: no brackets, quotes or line breaks, which could pass for more than that. */
export function productName(text: string, maximum: number): string | null {
  return cleanName(text.replaceAll(/[^\p{L}\p{N} .,_+()/:®™-]+/gu, ' '), maximum)
}
