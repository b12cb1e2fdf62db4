// The Node end of the conversation in peer.ts: one line of JSON asks for work, one line answers.
import { createInterface } from 'node:readline'

const answer = (value) => process.stdout.write(`RESULT ${JSON.stringify(value)}\n`)

/** @param run (task, name) => Promise, of the functions in fixtures/tasks.mjs */
const works = {
  async tiny(run, { count }) {
    const tasks = Array.from({ length: count }, (_, a) => run({ a, b: 1 }, 'default'))
    const results = await Promise.all(tasks)
    if (results.some((sum, a) => sum !== a + 1)) throw new Error('a wrong result')
    return {}
  },
  async waiting(run, { count, ms }) {
    await Promise.all(Array.from({ length: count }, () => run({ ms }, 'wait')))
    return {}
  },
  async roundTrips(run, { count }) {
    const latenciesMs = []
    for (let a = 0; a < count; a += 1) {
      const sentMs = performance.now()
      if ((await run({ a, b: 1 }, 'default')) !== a + 1) throw new Error('a wrong result')
      latenciesMs.push(performance.now() - sentMs)
    }
    return { latenciesMs }
  },
}

export async function serve(run) {
  // Until V8 has compiled the paths of all processes: before, each task costs several times more.
  await works.tiny(run, { count: 10_000 })
  await works.roundTrips(run, { count: 6000 })
  answer({ ready: true })
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line)
    const startedMs = performance.now()
    const seen = await works[asked.work](run, asked)
    answer({ seconds: (performance.now() - startedMs) / 1000, ...seen })
  }
}
