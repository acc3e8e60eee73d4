/** Reads a JSON document far larger than memory wants to hold, piece by piece: the objects and lists at one depth of it. */

export interface JsonPiece {
  /** Of the objects around it, the outermost first; within a list an empty text. */
  keys: string[]
  text: string
}

/** No single piece of an export is nearly as large; what is, is no export. */
const LARGEST_PIECE = 16_000_000

export class NotJson extends Error {
  override readonly name = 'NotJson'
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [34, 92, 44, 58]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125]

/** Pieces at `depth`: 1 for the members of the document, 2 for those of its members. */
export async function* jsonPieces(chunks: AsyncIterable<string>, depth: 1 | 2): AsyncGenerator<JsonPiece> {
  const scanner = new Scanner(depth)
  for await (const chunk of chunks) yield* scanner.scan(chunk)
  scanner.end()
}

class Scanner {
  readonly #depth: number
  /** Of the open objects and lists: the bracket that closes each. */
  readonly #open: number[] = []
  readonly #keys: string[] = []
  #inString = false
  #isEscaped = false
  /** Of a string above the pieces, which may be a key. */
  #string = ''
  /** What of the present piece came in earlier chunks; null outside of a piece. */
  #piece: string | null = null
  #seen = false

  constructor(depth: number) {
    this.#depth = depth
  }

  /** One pass over the characters; `from` is where the present string or piece begins within the chunk. */
  *scan(chunk: string): Generator<JsonPiece> {
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at)
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (code === BACKSLASH) this.#isEscaped = true
        else if (code === QUOTE) {
          this.#inString = false
          if (this.#piece === null) this.#string += chunk.slice(from, at)
        }
        continue
      }
      if (code === QUOTE) {
        this.#inString = true
        if (this.#piece === null) [this.#string, from] = ['', at + 1]
      } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
        this.#seen = true
        if (this.#open.length === this.#depth && this.#piece === null) [this.#piece, from] = ['', at]
        this.#open.push(code + 2)
        if (this.#open.length <= this.#depth) this.#keys[this.#open.length - 1] = ''
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
        if (this.#open.pop() !== code) throw new NotJson('a bracket closes what is not open')
        if (this.#piece === null || this.#open.length > this.#depth) continue
        yield { keys: this.#keys.slice(0, this.#depth), text: this.#piece + chunk.slice(from, at + 1) }
        this.#piece = null
      } else if (this.#piece === null) {
        if (code === COLON) this.#keys[this.#open.length - 1] = this.#string
        else if (code !== COMMA && !this.#seen && code > 32) throw new NotJson('it does not begin like JSON')
      }
    }
    this.#keep(chunk.slice(from))
  }

  end(): void {
    if (!this.#seen || this.#open.length > 0) throw new NotJson('it ends in the middle')
  }

  #keep(rest: string): void {
    if (this.#piece !== null) this.#piece += rest
    else if (this.#inString) this.#string += rest
    if ((this.#piece ?? this.#string).length > LARGEST_PIECE)
      throw new NotJson('one part of it is larger than any should be')
  }
}
