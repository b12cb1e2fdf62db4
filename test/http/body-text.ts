import type { Answer } from '../../src/http/answer.js'

/** What an answer says, of one that is not sent in parts. */
export function bodyText({ body }: Answer): string {
  if (typeof body === 'string') return body
  if (Buffer.isBuffer(body)) return body.toString('utf8')
  throw new Error('the answer comes in parts')
}
