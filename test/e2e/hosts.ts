/**
 * Several hosts on one machine: network, host name, mounts and processes of each are namespaces of its own, joined by a
 * bridge in a namespace of its own, with an sshd on each. No namespace has a name and every first process ends with
 * the pipe of its standard input, so the kernel takes all of it away when the test ends, however it ends.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { root } from './cluster.js'

const PREFIX = 'magneto-netns-'
/** Nothing outside can be reached from there, nor the other way round. Of RFC 5737. */
const NETWORK = '192.0.2'
export const COMMANDS = ['ip', 'sshd', 'ssh', 'ssh-keygen', 'unshare', 'nsenter', 'rsync']

const SWITCH = `
ip link set lo up
ip link add bridge0 type bridge
ip link set bridge0 up
echo ready
exec cat
`

/** $1: the name; $2: its folder; $3: where all see their installation; $4: the address. */
const HOST = `
set -e
hostname "$1"
mount --bind "$2/hosts" /etc/hosts
# An account that is locked for passwords must not be so for keys.
echo 'root:*:1:0:99999:7:::' >"$2/shadow"
mount --bind "$2/shadow" /etc/shadow
mount --bind "$2/magneto" "$3"
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
ip link set lo up
echo unplugged
read -r plugged
ip addr add "$4/24" dev eth0
ip link set eth0 up
"$(command -v sshd)" -D -e -f "$2/sshd_config" </dev/null >"$2/sshd.log" 2>&1 &
while ! grep -q 'Server listening' "$2/sshd.log"; do kill -0 $!; sleep 0.05; done
echo ready
# Reaps what is orphaned here, until the test goes.
cat >/dev/null
`

export interface Outcome {
  status: number | null
  output: string
}

class Namespace {
  readonly #process: ChildProcess
  #heard = ''

  constructor(flags: string[], script: string, args: string[] = []) {
    const all = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', ...flags]
    this.#process = spawn('unshare', [...all, 'bash', '-c', script, 'bash', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk) => (this.#heard += String(chunk)))
  }

  /** Resolves when its script has said the word. @throws Error with what it said instead */
  async said(word: string): Promise<void> {
    while (!this.#heard.includes(word)) {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null)
        throw new Error(`a namespace ended without "${word}": ${this.#heard}`)
      await new Promise((done) => setTimeout(done, 20))
    }
  }

  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`)
  }

  /** Of its first process, as seen from outside. */
  pid(): number {
    const parent = this.#process.pid
    return Number(readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim())
  }

  /** With its first process the kernel ends all others of the namespace. */
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const ended = new Promise((done) => this.#process.once('close', done))
    this.#process.stdin?.end()
    await ended
  }
}

export class Hosts {
  readonly folder = mkdtempSync(join(tmpdir(), PREFIX))
  /** Where every host sees its own installation. */
  readonly home = join(this.folder, 'magneto')
  readonly #names: string[]
  readonly #hosts = new Map<string, Namespace>()
  readonly #switch: Namespace
  /** What the kernel calls the network of each host. */
  readonly networks: string[] = []

  /** @param conf files of conf on every host, by name */
  private constructor(names: string[], conf: Record<string, string>) {
    this.#names = names
    mkdirSync(this.home)
    this.#makeKeys()
    for (const name of names) this.#makeHost(name, conf)
    this.alias('master', names[0] ?? '')
    this.#switch = new Namespace([], SWITCH)
  }

  static async start(names: string[], conf: Record<string, string>): Promise<Hosts> {
    removeLeftovers()
    const hosts = new Hosts(names, conf)
    try {
      await hosts.#switch.said('ready')
      for (const name of names) await hosts.#boot(name)
    } catch (error) {
      await hosts.stop()
      throw error
    }
    return hosts
  }

  /** The options with which any host reaches any other. */
  static sshOptions(folder: string): string {
    return `-F ${join(folder, 'ssh_config')}`
  }

  address(name: string): string {
    return `${NETWORK}.${this.#names.indexOf(name) + 1}`
  }

  /** A file of that host. */
  path(host: string, ...parts: string[]): string {
    return join(this.folder, 'hosts', host, ...parts)
  }

  #makeKeys(): void {
    const own = join(this.folder, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', own])
    const known = this.#names.map((name) => {
      mkdirSync(this.path(name), { recursive: true })
      const key = this.path(name, 'host_key')
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
      return `${name},${this.address(name)} ${readFileSync(`${key}.pub`, 'utf8').trim()}\n`
    })
    writeFileSync(join(this.folder, 'known_hosts'), known.join(''))
    writeFileSync(
      join(this.folder, 'ssh_config'),
      `Host *
  User root
  IdentityFile ${own}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${join(this.folder, 'known_hosts')}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`,
    )
  }

  #makeHost(name: string, conf: Record<string, string>): void {
    writeFileSync(this.path(name, 'hosts'), '')
    writeFileSync(
      this.path(name, 'sshd_config'),
      `ListenAddress ${this.address(name)}
HostKey ${this.path(name, 'host_key')}
AuthorizedKeysFile ${join(this.folder, 'key.pub')}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PidFile none
`,
    )
    const home = this.path(name, 'magneto')
    for (const part of ['bin', 'sbin'])
      cpSync(join(root, part), join(home, part), { recursive: true })
    for (const part of ['dist', 'build', 'node_modules', 'package.json'])
      symlinkSync(join(root, part), join(home, part))
    mkdirSync(join(home, 'conf'))
    for (const [file, text] of Object.entries(conf)) writeFileSync(join(home, 'conf', file), text)
  }

  async #boot(name: string): Promise<void> {
    const args = [name, this.path(name), this.home, this.address(name)]
    const host = new Namespace(['--uts'], HOST, args)
    this.#hosts.set(name, host)
    await host.said('unplugged')
    const cable = ['add', 'name', name, 'type', 'veth', 'peer', 'name', 'eth0']
    this.#cable([...cable, 'netns', String(host.pid())])
    this.#cable(['set', name, 'master', 'bridge0', 'up'])
    this.networks.push(readlinkSync(`/proc/${host.pid()}/ns/net`))
    host.tell('plugged')
    await host.said('ready')
  }

  #cable(args: string[]): void {
    const pid = String(this.#switch.pid())
    execFileSync('nsenter', ['--target', pid, '--net', 'ip', 'link', ...args])
  }

  /** Lets every host resolve one more name to the address of `name`, from its next look on. */
  alias(alias: string, name: string): void {
    const lines = this.#names.map((other) => `${this.address(other)} ${other}\n`)
    lines.push(`${this.address(name)} ${alias}\n`)
    for (const host of this.#names)
      writeFileSync(this.path(host, 'hosts'), `127.0.0.1 localhost\n${lines.join('')}`)
  }

  cutOff(name: string): void {
    this.#cable(['set', name, 'down'])
  }

  heal(name: string): void {
    this.#cable(['set', name, 'up'])
  }

  /** A command that becomes what follows it, in that host's network and nothing else of it. */
  onNetworkOf(name: string): string[] {
    return ['nsenter', '--target', String(this.#hosts.get(name)?.pid()), '--net']
  }

  #enter(name: string): string[] {
    const pid = String(this.#hosts.get(name)?.pid())
    return ['--target', pid, '--net', '--uts', '--mount', '--pid']
  }

  /** A command on that host, as somebody has it who just logged in. */
  run(name: string, command: string[], environment: NodeJS.ProcessEnv = {}): Outcome {
    const done = spawnSync('nsenter', [...this.#enter(name), ...command], {
      env: { ...login(), ...environment },
      encoding: 'utf8',
    })
    if (done.error) throw done.error
    return { status: done.status, output: done.stdout + done.stderr }
  }

  script(name: string, script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Outcome {
    return this.run(name, [join(this.home, 'sbin', script), ...args], env)
  }

  /** A command on that host that goes on beside the test. */
  spawn(
    name: string,
    command: string[],
    environment: NodeJS.ProcessEnv = {},
    stdin: 'ignore' | 'pipe' = 'ignore',
  ): ChildProcess {
    return spawn('nsenter', [...this.#enter(name), ...command], {
      env: { ...login(), ...environment },
      stdio: [stdin, 'pipe', 'pipe'],
    })
  }

  /** What runs on that host besides its first process, which waits with `cat`, and its sshd. */
  processes(name: string): string[] {
    const { output } = this.run(name, ['ps', '-A', '-ww', '-o', 'pid=,args='])
    const lines = output.trim().split('\n')
    return lines.filter((line) => !/^\s*(1 |\d+ (cat$|sshd: .*-D|\S*\/sshd -D|ps -A))/.test(line))
  }

  /** What daemons wrote, for the message of a failing test. */
  logs(): string {
    return this.#names
      .flatMap((name) => {
        const folder = this.path(name, 'magneto', 'logs')
        const files = existsSync(folder) ? readdirSync(folder) : []
        return files.map((file) => `── ${file}\n${readFileSync(join(folder, file), 'utf8')}`)
      })
      .map((text) => text.slice(-3000))
      .join('\n')
  }

  /** Ends all hosts. @returns processes that are still in one of their networks */
  async stop(): Promise<string[]> {
    await Promise.all([...this.#hosts.values()].map((host) => host.end()))
    await this.#switch.end()
    rmSync(this.folder, { recursive: true, force: true })
    return processesIn(this.networks)
  }
}

function login(): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    // Of vitest.config.ts.
    JDK_JAVA_OPTIONS: process.env['JDK_JAVA_OPTIONS'],
  }
}

/** Ids of the processes that are in one of these networks. */
export function processesIn(networks: string[]): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return networks.includes(readlinkSync(`/proc/${pid}/ns/net`))
      } catch {
        // It ended while we looked.
        return false
      }
    })
}

/** Of a run that was killed only files are left. The processes of one that goes on name its folder. */
function removeLeftovers(): void {
  const running = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return ''
      }
    })
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name)
    const made = statSync(folder, { throwIfNoEntry: false })
    // Another test file has just removed its own.
    if (made === undefined) continue
    // One that is being made has no process yet.
    const fresh = Date.now() - made.mtimeMs < 60_000
    if (!fresh && !running.some((command) => command.includes(folder)))
      rmSync(folder, { recursive: true, force: true })
  }
}
