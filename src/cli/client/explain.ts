/** `magneto explain`: why an application or a driver waits, and what would help. */
import { flagHelp, parseArguments, type Flag } from '../../conf/flags.js'
import { singleLine } from '../../http/single-line.js'
import type { ExplainAnswer, WebApi } from './api.js'
import { askingOf, onlyOne, type Client } from './client.js'
import { Refused } from './errors.js'
import { ExitStatus, LOOK_STATUS_HELP } from './exit-status.js'
import { MASTER_FLAG } from './masters.js'
import { jsonText } from './text-width.js'

const FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--json'], help: 'As JSON, with all that the master tells (docs/explain.md)' },
  { names: ['--help', '-h'], help: 'Print this' },
]

export const EXPLAIN_HELP = `Usage: magneto explain [options] <application id>
       magneto explain [options] <driver id>

Prints its state and, while it waits for something, why, and what would let it start. An application that runs may
wait as well: for more executors.

Options:
${flagHelp(FLAGS)}
${LOOK_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function explain(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto explain')
  if (parsed.flags.has('--help')) {
    client.stderr(EXPLAIN_HELP)
    return ExitStatus.DONE
  }
  const id = onlyOne(parsed, 'the id of an application or of a driver')
  const found = await askingOf(client, parsed).api.ask((web) => explained(web, id))
  if (found === null) {
    throw new Refused(
      `the master knows no application and no driver ${singleLine(id)}: see magneto apps --all and magneto list --all`,
    )
  }
  client.stdout(parsed.flags.has('--json') ? `${jsonText(found, 2)}\n` : explainText(found))
  return ExitStatus.DONE
}

/** Ids have whatever form the operator gave them, so both are looked through. @returns null when it is in neither */
async function explained(web: WebApi, id: string): Promise<ExplainAnswer | null> {
  return (await web.explain('application', id)) ?? (await web.explain('driver', id))
}

/** Sentences, without what would move a terminal's cursor. */
export function reasonsOf({ explanations }: ExplainAnswer): string[] {
  return explanations.flatMap(({ profileId, reason, advice }) => {
    const profile = explanations.length === 1 ? '' : `resource profile ${profileId}: `
    return [reason, advice].map((sentence) => singleLine(profile + sentence))
  })
}

/** Its state, then two lines for each resource profile that waits. */
function explainText(answer: ExplainAnswer): string {
  const { exception = null, explanations } = answer
  // A stack trace keeps its lines.
  const why = exception === null ? '' : `: ${exception.split('\n').map(singleLine).join('\n')}`
  const idle = explanations.length === 0 && why === '' ? ', and waits for nothing' : ''
  const state = singleLine(`${answer.id} ${answer.state}`)
  return [`${state}${idle}${why}`, ...reasonsOf(answer)].map((line) => `${line}\n`).join('')
}
