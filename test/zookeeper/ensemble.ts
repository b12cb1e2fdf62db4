/**
 * Real ZooKeeper servers of Debian's package, one or an ensemble, each its own process with a small heap. Servers end with
 * the test, however it ends: the kernel kills them with the process that started them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from '../free-port.js'

/** Of Debian's package libzookeeper-java; the jars it needs are in its manifest. */
export const ZOOKEEPER_JAR = '/usr/share/java/zookeeper.jar'
const MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
const PROBE_EVERY_MS = 50
const READY_WITHIN_MS = 60_000
const ANSWER_WITHIN_MS = 2_000

/** Commands that `describeWith` asks for; besides them the jar is needed. */
export const ZOOKEEPER_COMMANDS = ['java', 'bash', 'setpriv']

export interface ServerPlace {
  /** Where it listens and where the other servers find it. */
  readonly host: string
  readonly clientPort: number
  readonly quorumPort: number
  readonly electionPort: number
  /** Goes before every command of this server, such as `nsenter -t PID -n`: it has to exec, not fork. */
  readonly prefix?: readonly string[]
}

export interface EnsembleOptions {
  /** How many on free ports of 127.0.0.1, or where each is to be. */
  readonly servers?: number | readonly ServerPlace[]
  /** Sessions are granted from two ticks to twenty. */
  readonly tickMs?: number
}

export type ServerRole = 'leader' | 'follower' | 'standalone'

export class ZooKeeperServer {
  readonly place: ServerPlace
  readonly folder: string
  #process: ChildProcess | null = null
  #said = ''

  constructor(place: ServerPlace, folder: string) {
    this.place = place
    this.folder = folder
  }

  /** host:port for clients. */
  get address(): string {
    return `${this.place.host}:${this.place.clientPort}`
  }

  /** null: it does not run. */
  get pid(): number | null {
    return this.#process?.pid ?? null
  }

  /** Returns at once; `Ensemble.ready` or `role` tell when it serves. */
  start(): void {
    if (this.#process !== null) throw new Error(`the server of ${this.address} runs already`)
    const jvm = ['-Xmx64m', '-Xss256k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
    const quiet = ['-Dzookeeper.admin.enableServer=false', '-Dzookeeper.jmx.log4j.disable=true']
    const classes = `${ZOOKEEPER_JAR}:/usr/share/java/slf4j-nop.jar`
    const java = ['java', ...jvm, ...quiet, '-cp', classes, MAIN, join(this.folder, 'zoo.cfg')]
    const args = ['--pdeathsig', 'KILL', ...(this.place.prefix ?? []), ...java]
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => (this.#said = (this.#said + String(chunk)).slice(-10_000)))
    child.once('exit', () => {
      if (this.#process === child) this.#process = null
    })
  }

  /** @param signal SIGKILL: it is gone at once; SIGTERM: it closes its sockets first. Resolves when it has ended. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process
    if (child === null) return
    const ended = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    // A stopped process takes no SIGTERM.
    child.kill('SIGCONT')
    await ended
  }

  /** Halts it: its sockets stay, and nothing is answered. */
  stop(): void {
    this.#process?.kill('SIGSTOP')
  }

  cont(): void {
    this.#process?.kill('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.kill()
    this.start()
  }

  /** null: it does not serve (yet). */
  async role(): Promise<ServerRole | null> {
    const said = await this.fourLetters('srvr')
    return (/^Mode: (\w+)$/m.exec(said)?.[1] as ServerRole | undefined) ?? null
  }

  /** The caller's process goes on meanwhile: masters of a test may live in it. @returns the answer; empty: none came */
  fourLetters(word: 'srvr'): Promise<string> {
    const { host, clientPort } = this.place
    const script = `exec 3<>/dev/tcp/${host}/${clientPort} && printf ${word} >&3 && exec cat <&3`
    const [command, ...args] = [...(this.place.prefix ?? []), 'bash', '-c', script]
    return new Promise((done) =>
      execFile(command, args, { timeout: ANSWER_WITHIN_MS }, (_error, stdout) => done(stdout)),
    )
  }

  /** @throws Error with what it said, when it has ended by itself */
  mustRun(): void {
    if (this.#process === null) throw new Error(`ZooKeeper ended: ${this.#said}`)
  }
}

export class Ensemble {
  readonly servers: readonly ZooKeeperServer[]
  readonly #folder: string

  private constructor(places: readonly ServerPlace[], tickMs: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'magneto-zookeeper-'))
    this.servers = places.map((place, at) => {
      const folder = join(this.#folder, String(at + 1))
      mkdirSync(folder)
      writeFileSync(join(folder, 'myid'), `${at + 1}\n`)
      writeFileSync(join(folder, 'zoo.cfg'), configuration(places, at, folder, tickMs))
      return new ZooKeeperServer(place, folder)
    })
  }

  /** Returns when they serve. @throws Error with what a server said when it ended instead */
  static async start(options: EnsembleOptions = {}): Promise<Ensemble> {
    if (!existsSync(ZOOKEEPER_JAR))
      throw new Error(`${ZOOKEEPER_JAR} is missing: install the package libzookeeper-java`)
    const wanted = options.servers ?? 1
    const places = typeof wanted === 'number' ? await localPlaces(wanted) : wanted
    const ensemble = new Ensemble(places, options.tickMs ?? 2_000)
    try {
      for (const server of ensemble.servers) server.start()
      await ensemble.ready()
    } catch (error) {
      await ensemble.stop()
      throw error
    }
    return ensemble
  }

  /** spark.deploy.zookeeper.url */
  get url(): string {
    return this.servers.map(({ address }) => address).join(',')
  }

  /** Resolves when every server that runs serves, and one of them leads where there are several. */
  async ready(): Promise<void> {
    const until = performance.now() + READY_WITHIN_MS
    while (!(await this.#serves())) {
      if (performance.now() > until) throw new Error(`no ensemble after ${READY_WITHIN_MS} ms`)
      await new Promise((done) => setTimeout(done, PROBE_EVERY_MS))
    }
  }

  /** The server that leads the others, or the only one. @throws Error when there is none now */
  async leader(): Promise<ZooKeeperServer> {
    for (const server of this.servers)
      if (['leader', 'standalone'].includes((await server.role()) ?? '')) return server
    throw new Error('no server leads')
  }

  /** Ends all and removes what they wrote. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()))
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #serves(): Promise<boolean> {
    const running = this.servers.filter(({ pid }) => pid !== null)
    if (running.length <= this.servers.length / 2)
      for (const server of this.servers) server.mustRun()
    const roles = new Set(await Promise.all(running.map((server) => server.role())))
    return !roles.has(null) && (roles.has('leader') || roles.has('standalone'))
  }
}

function configuration(
  places: readonly ServerPlace[],
  at: number,
  folder: string,
  tickMs: number,
): string {
  const place = places[at] as ServerPlace
  const lines = [
    `tickTime=${tickMs}`,
    // Of ticks: generous, since a busy machine starts them one after the other.
    'initLimit=20',
    'syncLimit=5',
    `dataDir=${folder}`,
    `clientPort=${place.clientPort}`,
    `clientPortAddress=${place.host}`,
    'maxClientCnxns=0',
    '4lw.commands.whitelist=*',
    ...(places.length === 1
      ? []
      : places.map(
          ({ host, quorumPort, electionPort }, other) =>
            `server.${other + 1}=${host}:${quorumPort}:${electionPort}`,
        )),
  ]
  return `${lines.join('\n')}\n`
}

async function localPlaces(servers: number): Promise<ServerPlace[]> {
  const places: ServerPlace[] = []
  for (let at = 0; at < servers; at += 1)
    places.push({
      host: '127.0.0.1',
      clientPort: await freePort(),
      quorumPort: await freePort(),
      electionPort: await freePort(),
    })
  return places
}
