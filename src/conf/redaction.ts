/** What looks secret is neither shown nor logged (P55): values, as soon as their name or they themselves say so. Pure. */
import { javaPattern } from './java-pattern.js'

/** In place of the value, as Spark shows it. */
export const REDACTED = '*********(redacted)'

/** A longer text is not searched, and so not shown either. */
export const MAX_SEARCHED_CHARACTERS = 64 * 1024

/** @returns the value, or what stands for it */
export type Redactor = (key: string, value: string) => string

/**
 * @param regexText `spark.redaction.regex`, in Java's syntax
 * @throws UsageError when it is none
 */
export function redactor(regexText: string): Redactor {
  return redactorOf(javaPattern(regexText))
}

/** @param pattern as a configuration has it under `keys.redactionPattern` */
export function redactorOf(pattern: RegExp): Redactor {
  const looksSecret = secretTest(pattern)
  return (key, value) => (looksSecret(key) || looksSecret(value) ? REDACTED : value)
}

/** `-Dname=value` loses its value when name or value looks secret (W10). */
export function redactCommand(command: readonly string[], pattern: RegExp): string[] {
  const shown = redactorOf(pattern)
  return command.map((argument) => {
    const [, name, value] = /^-D(.+?)=(.+)$/s.exec(argument) ?? []
    if (name === undefined || value === undefined) return argument
    return `-D${name}=${shown(name, value)}`
  })
}

/** @param pattern one that remembers where it matched last does so no more */
function secretTest(pattern: RegExp): (text: string) => boolean {
  const stateless = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))
  return (text) => text.length > MAX_SEARCHED_CHARACTERS || stateless.test(text)
}
