/** Reads an argument list against a table of flags: `--port 7077`, `--port=7077` or `-p 7077`. */
import { quoted, UsageError } from './errors.js'

export interface Flag {
  /** With its dashes, the long form first. */
  readonly names: readonly string[]
  /** What the value is called in the help; absent: the flag takes none. */
  readonly value?: string
  readonly help: string
}

export interface ParsedArguments {
  /** By the first name of the flag; the last one given counts. */
  readonly flags: ReadonlyMap<string, string>
  /** All of them, by first name, in their order. */
  readonly given: readonly (readonly [name: string, value: string])[]
  readonly positionals: readonly string[]
}

export interface ArgumentOptions {
  /** The first word that is no flag ends ours: it and all that follow are positionals. */
  readonly flagsFirst?: boolean
}

/** Flags that older documents name, and what became of them. */
const REMOVED_FLAGS: ReadonlyMap<string, string> = new Map([
  ['-i', '; it was removed in Spark 4.0: use --host'],
  ['--ip', '; it was removed in Spark 4.0: use --host'],
])

/** @param program what to ask for help, such as "magneto master" @throws UsageError on what the table lacks */
export function parseArguments(
  argv: readonly string[],
  table: readonly Flag[],
  program: string,
  { flagsFirst = false }: ArgumentOptions = {},
): ParsedArguments {
  const byName = new Map(table.flatMap((flag) => flag.names.map((name) => [name, flag] as const)))
  const given: [string, string][] = []
  const positionals: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) {
      if (flagsFirst) {
        positionals.push(...argv.slice(at))
        break
      }
      positionals.push(word)
      continue
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1
    const name = equals < 0 ? word : word.slice(0, equals)
    const flag = byName.get(name)
    if (flag === undefined) throw unknownFlag(name, table, program)
    const key = flag.names[0] ?? name
    if (flag.value === undefined) {
      if (equals >= 0) throw new UsageError(`${name} takes no value`)
      given.push([key, ''])
    } else if (equals >= 0) {
      given.push([key, word.slice(equals + 1)])
    } else {
      at += 1
      const value = argv[at]
      if (value === undefined) throw new UsageError(`${name} needs a value: ${name} ${flag.value}`)
      given.push([key, value])
    }
  }
  return { flags: new Map(given), given, positionals }
}

function unknownFlag(name: string, table: readonly Flag[], program: string): UsageError {
  const known = table.map((flag) => flag.names[0]).join(', ')
  const hint = REMOVED_FLAGS.get(name) ?? `; expected one of ${known}`
  return new UsageError(`unknown option ${quoted(name)}${hint} (see ${program} --help)`)
}

/** One line a flag, aligned. */
export function flagHelp(table: readonly Flag[]): string {
  const heads = table.map((flag) => {
    const names = flag.names.toReversed().join(', ')
    return flag.value === undefined ? names : `${names} ${flag.value}`
  })
  const width = Math.max(...heads.map((head) => head.length))
  return table
    .map((flag, index) => `  ${(heads[index] ?? '').padEnd(width)}  ${flag.help}\n`)
    .join('')
}
