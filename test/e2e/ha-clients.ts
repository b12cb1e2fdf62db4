/** Applications that stay and run what they are told, one in a process of its own on one of the hosts. */
import type { ChildProcess } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { root } from './cluster.js'
import type { Hosts } from './hosts.js'

const KEPT_CHARACTERS = 6_000

export class Client {
  readonly name: string
  readonly #child: ChildProcess
  #complained = ''
  #waiting: { done: (line: string) => void; failed: (error: Error) => void }[] = []

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    const lines = createInterface({ input: child.stdout! })
    lines.on('line', (line) => {
      const result = /^RESULT (.*)$/.exec(line)?.[1]
      if (result !== undefined) this.#waiting.shift()?.done(result)
    })
    child.stderr?.on('data', (chunk) => {
      this.#complained = (this.#complained + String(chunk)).slice(-KEPT_CHARACTERS)
    })
    child.once('close', (status) => {
      const why = new Error(`${name} ended with ${status}:\n${this.#complained}`)
      for (const { failed } of this.#waiting) failed(why)
      this.#waiting = []
    })
  }

  /** @returns whether so many tasks, each of so many ms, had the right sum @throws Error when the client has ended */
  async runs(tasks: number, ms: number): Promise<boolean> {
    if (this.#child.exitCode !== null)
      throw new Error(`${this.name} has ended: ${this.#complained}`)
    const answer = new Promise<string>((done, failed) => this.#waiting.push({ done, failed }))
    this.#child.stdin?.write(`${tasks} ${ms}\n`)
    return (await answer) === String((tasks * (tasks - 1)) / 2)
  }

  /** Lets it unregister and end. @returns its exit status */
  async end(): Promise<number | null> {
    const { exitCode } = this.#child
    if (exitCode !== null) return exitCode
    const ended = new Promise<number | null>((done) => this.#child.once('close', done))
    this.#child.stdin?.end()
    return ended
  }

  complaints(): string {
    return this.#complained
  }
}

/** A Node application. */
export function nodeClient(hosts: Hosts, host: string, masters: string, name: string): Client {
  const job = join(root, 'test/e2e/jobs/ha_client.mjs')
  const command = [process.execPath, job, masters, name]
  return new Client(name, hosts.spawn(host, command, {}, 'pipe'))
}

/** A driver of an unmodified distribution. */
export function sparkClient(
  hosts: Hosts,
  host: string,
  masters: string,
  name: string,
  home: string,
): Client {
  const python = join(home, 'python')
  const bridge = readdirSync(join(python, 'lib')).find((file) => file.startsWith('py4j-'))!
  const command = ['python3', join(root, 'test/e2e/jobs/ha_client.py'), masters, name]
  const environment = {
    PATH: process.env['PATH'],
    SPARK_HOME: home,
    PYTHONPATH: `${python}:${join(python, 'lib', bridge)}`,
    PYSPARK_PYTHON: 'python3',
  }
  return new Client(name, hosts.spawn(host, command, environment, 'pipe'))
}
