/** The words of Spark's REST submission protocol (spec R1, R4, R13): versions, responses, errors. */
import { prettyJson, type Json } from '../http/json-text.js'

export const PROTOCOL_VERSION = 'v1'
/** What `serverSparkVersion` says: the Spark whose answers these are. */
export const SERVER_SPARK_VERSION = '4.3.0'
export const STATUS_UNKNOWN_PROTOCOL_VERSION = 468

export interface RestAnswer {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A field that is null is absent. */
export type Fields = Readonly<Record<string, Json>>

export function answer(action: string, fields: Fields, status = 200): RestAnswer {
  const all: Fields = { ...fields, action, serverSparkVersion: SERVER_SPARK_VERSION }
  const present = Object.entries(all).filter(([, value]) => value !== null)
  const sorted = present.toSorted(([left], [right]) => (left < right ? -1 : 1))
  return { status, body: prettyJson(Object.fromEntries(sorted)) }
}

/** The request is answered with an ErrorResponse that has this message. */
export class RestError extends Error {
  override readonly name = 'RestError'

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }
}

/** A submission that says what can't be meant. */
export function malformed(reason: string): RestError {
  return new RestError(400, `Malformed request: ${reason}`)
}

export function errorAnswer({ status, message, headers }: RestError): RestAnswer {
  const highestProtocolVersion =
    status === STATUS_UNKNOWN_PROTOCOL_VERSION ? PROTOCOL_VERSION : null
  return { ...answer('ErrorResponse', { message, highestProtocolVersion }, status), headers }
}
