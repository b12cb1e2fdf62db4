/** A throw-away installation: our bin and sbin, and a bin/spark-class of a few lines in place of the daemons. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..', '..')

export const MASTER = 'org.apache.spark.deploy.master.Master'
export const WORKER = 'org.apache.spark.deploy.worker.Worker'

/** Says what it was started with, reports that it is up, and waits for TERM. FAKE_DIES: it fails instead. */
const FAKE_SPARK_CLASS = `#!/usr/bin/env bash
trap 'exit 0' TERM
echo "args: $*"
if [ -n "\${FAKE_DIES:-}" ]; then echo "last words" >&2; exit 3; fi
[ -n "\${MAGNETO_READY_FILE:-}" ] && echo ready >"\${MAGNETO_READY_FILE}"
while :; do sleep 0.05; done
`

export interface Outcome {
  status: number | null
  output: string
}

export class Installation {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), 'magneto-sbin-')))
  readonly pids = join(this.home, 'pids')
  readonly logs = join(this.home, 'logs')
  readonly path = join(this.home, 'path')
  readonly #children: ChildProcess[] = []

  constructor(options: { realLauncher?: boolean } = {}) {
    for (const folder of ['bin', 'sbin']) {
      cpSync(join(root, folder), join(this.home, folder), { recursive: true })
    }
    mkdirSync(join(this.home, 'conf'))
    mkdirSync(this.path)
    if (!options.realLauncher) this.program(join('bin', 'spark-class'), FAKE_SPARK_CLASS)
  }

  /** An executable below the installation. */
  program(path: string, text: string): string {
    const file = join(this.home, path)
    writeFileSync(file, text)
    chmodSync(file, 0o755)
    return file
  }

  conf(name: string, text: string): void {
    writeFileSync(join(this.home, 'conf', name), text)
  }

  env(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      PATH: `${this.path}:${process.env['PATH']}`,
      USER: 'somebody',
      HOSTNAME: 'box',
      TMPDIR: this.home,
      SPARK_PID_DIR: this.pids,
      SPARK_MASTER_HOST: 'm',
      ...extra,
    }
  }

  run(script: string, args: string[] = [], extra: NodeJS.ProcessEnv = {}): Outcome {
    const done = spawnSync(join(this.home, script), args, {
      env: this.env(extra),
      encoding: 'utf8',
      cwd: tmpdir(),
    })
    if (done.error) throw done.error
    return { status: done.status, output: done.stdout + done.stderr }
  }

  /** For what stays in the foreground. */
  spawn(script: string, args: string[], extra: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(join(this.home, script), args, { env: this.env(extra), stdio: 'pipe' })
    this.#children.push(child)
    return child
  }

  pidFile(className: string, instance = 1): string {
    return join(this.pids, `spark-somebody-${className}-${instance}.pid`)
  }

  /** The recorded pid, or null without a pid file. */
  pid(className: string, instance = 1): number | null {
    const file = this.pidFile(className, instance)
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : null
  }

  logFile(className: string, instance = 1): string {
    return join(this.logs, `spark-somebody-${className}-${instance}-box.out`)
  }

  log(className: string, instance = 1): string {
    return readFileSync(this.logFile(className, instance), 'utf8')
  }

  /** Ends what tests left running. */
  remove(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    const left = existsSync(this.pids) ? readdirSync(this.pids, { recursive: true }) : []
    for (const name of left.map(String).filter((file) => file.endsWith('.pid'))) {
      const pid = Number(readFileSync(join(this.pids, name), 'utf8'))
      if (isAlive(pid) && commandLine(pid).includes(this.home)) process.kill(pid, 'SIGKILL')
    }
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** A process that ended and that nobody has waited for yet counts as gone. */
export function isAlive(pid: number): boolean {
  const stat = spawnSync('ps', ['-p', String(pid), '-o', 'stat='], { encoding: 'utf8' }).stdout
  return stat.trim() !== '' && !stat.trim().startsWith('Z')
}

export function commandLine(pid: number): string {
  return spawnSync('ps', ['-ww', '-p', String(pid), '-o', 'args='], { encoding: 'utf8' }).stdout
}

/** Resolves when a stream has said it. */
export function said(child: ChildProcess, text: string): Promise<void> {
  return new Promise((fulfil, reject) => {
    let heard = ''
    const hear = (chunk: Buffer): void => {
      heard += chunk.toString()
      if (heard.includes(text)) fulfil()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    // Its end may be heard of before its last words.
    child.once('close', () => reject(new Error(`ended without saying ${text}: ${heard}`)))
  })
}
