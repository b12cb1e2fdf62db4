/**
 * Asks for pages from inside a network that the test itself is not in: reads {"id", "url"} a line, answers with
 * {"id", "status", "body"} a line, status 0 where nobody answered.
 */
import { createInterface } from 'node:readline'

const ANSWER_WITHIN_MS = 5_000

async function ask(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    return { status: answer.status, body: await answer.text() }
  } catch (error) {
    return { status: 0, body: String(error) }
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, url } = JSON.parse(line)
  void ask(url).then((answer) => console.log(JSON.stringify({ id, ...answer })))
})
