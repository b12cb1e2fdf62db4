/** Finding a port as Spark does (C16). */
import type { Logger } from '../log/logger.js'

const FIRST_USER_PORT = 1024
const PORTS_END = 65_536

/**
 * The port of one attempt: port + attempt, wrapped inside 1024..65535; 0 stays 0.
 * @param attempt 0 for the first
 */
export function portOfAttempt(port: number, attempt: number): number {
  if (port === 0 || attempt === 0) return port
  return ((port + attempt - FIRST_USER_PORT) % (PORTS_END - FIRST_USER_PORT)) + FIRST_USER_PORT
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Further ports to try when one is taken. */
  readonly maxRetries: number
  readonly log: Logger
}

/**
 * @param listen takes one port; fails with the system's code
 * @throws Error one line: what was tried and what to do
 */
export async function listenWithRetries(
  listen: (host: string, port: number) => Promise<number>,
  options: ListenOptions,
): Promise<number> {
  const { host, port, maxRetries, log } = options
  for (let attempt = 0; ; attempt++) {
    const candidate = portOfAttempt(port, attempt)
    try {
      return await listen(host, candidate)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE') {
        throw new Error(
          `can't listen on ${host}:${candidate}: ${message}; give a host of this machine and a port ` +
            'of 0 or 1024 to 65535',
          { cause: error },
        )
      }
      if (attempt >= maxRetries || candidate === 0) {
        throw new Error(
          `can't listen on ${host}: ports ${port} to ${candidate} are taken; give another port, ` +
            'or raise spark.port.maxRetries',
          { cause: error },
        )
      }
      log.warn(`port ${candidate} on ${host} is taken; trying ${portOfAttempt(port, attempt + 1)}`)
    }
  }
}
