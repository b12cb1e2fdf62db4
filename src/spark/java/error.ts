/** A Java serialization stream that is malformed, uses what isn't served, or is over a limit. */
export class JavaStreamError extends Error {
  override readonly name = 'JavaStreamError'
  /** Byte offset in the stream. */
  readonly offset: number
  readonly reason: string

  constructor(offset: number, reason: string) {
    super(`bad Java serialization stream at byte ${offset}: ${reason}`)
    this.offset = offset
    this.reason = reason
  }
}
