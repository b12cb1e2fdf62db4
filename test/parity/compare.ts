/** Are two outcomes of one row the same? */

export interface Difference {
  /** Of the row, from 0. */
  readonly row: number
  readonly apache: readonly string[]
  readonly magneto: readonly string[]
}

/**
 * What Apache's Master sends to one peer in the order of a hash table: a run of these has no order.
 * KillExecutor: an ended application's executors; KillDriver: all drivers; LOST: a lost worker's.
 */
/** What a rule sets apart stands apart. */
const PEER_AND_TEXT = /^(\S+(?: apart:)?) (.*)$/s

const UNORDERED = [
  /^KillExecutor /,
  /^KillDriver /,
  /^ExecutorUpdated \d+ LOST /,
  /^ExecutorUpdated \d+ DECOMMISSIONED /,
]

/**
 * By peer, since Apache's Master goes through its applications and workers in the order of hash tables.
 * Replies stand apart: Apache sends one when the row has been dealt with, we as soon as it is certain.
 */
export function canonical(outcome: readonly string[]): Map<string, string[]> {
  const byPeer = new Map<string, string[]>()
  const add = (peer: string, text: string): void => {
    const known = byPeer.get(peer)
    if (known === undefined) byPeer.set(peer, [text])
    else known.push(text)
  }
  for (const effect of outcome) {
    const [, peer = '', text = ''] = PEER_AND_TEXT.exec(effect) ?? []
    if (text.startsWith('Reply ')) {
      add(`${peer} asked`, text)
      continue
    }
    add(peer, text)
    if (text.startsWith('LaunchExecutor ') || text.startsWith('LaunchDriver '))
      add('launches', effect)
  }
  for (const [peer, texts] of byPeer) byPeer.set(peer, sortedRuns(texts))
  return new Map([...byPeer].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function sortedRuns(texts: readonly string[]): string[] {
  const sorted: string[] = []
  let run: string[] = []
  let kind = -1
  for (const text of texts) {
    const own = UNORDERED.findIndex((pattern) => pattern.test(text))
    if (own !== kind || own < 0) {
      sorted.push(...run.toSorted())
      run = []
    }
    kind = own
    run.push(text)
  }
  return [...sorted, ...run.toSorted()]
}

export function canonicalText(outcome: readonly string[]): string {
  return [...canonical(outcome)].map(([peer, texts]) => `${peer}: ${texts.join('; ')}`).join('\n')
}

export function same(apache: readonly string[], magneto: readonly string[]): boolean {
  return canonicalText(apache) === canonicalText(magneto)
}
