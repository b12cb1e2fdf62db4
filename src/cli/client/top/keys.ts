/** From what a terminal sends to what is meant. Pure. */
import type { Key } from './state.js'

export type Command = Key | 'quit' | 'interrupt' | 'suspend' | 'redraw'

/** One key each: an escape sequence, or a character. */
// oxlint-disable-next-line no-control-regex -- terminals write keys so
const KEYS = /\u001B(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[^]/gu

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['q', 'quit'],
  ['Q', 'quit'],
  ['\u0003', 'interrupt'],
  ['\u001A', 'suspend'],
  ['\u000C', 'redraw'],
  ['s', 'sort'],
  ['p', 'pause'],
  ['j', 'down'],
  ['k', 'up'],
  [' ', 'page down'],
  ['g', 'first'],
  ['G', 'last'],
  ['\u001B[B', 'down'],
  ['\u001BOB', 'down'],
  ['\u001B[A', 'up'],
  ['\u001BOA', 'up'],
  ['\u001B[6~', 'page down'],
  ['\u001B[5~', 'page up'],
  ['\u001B[H', 'first'],
  ['\u001BOH', 'first'],
  ['\u001B[1~', 'first'],
  ['\u001B[F', 'last'],
  ['\u001BOF', 'last'],
  ['\u001B[4~', 'last'],
])

/** @returns in their order; a key that means nothing is left out */
export function commandsOf(keys: string): Command[] {
  return [...keys.matchAll(KEYS)].flatMap(([key]) => COMMANDS.get(key) ?? [])
}
