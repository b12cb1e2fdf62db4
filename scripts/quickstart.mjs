#!/usr/bin/env node
// A whole cluster on this machine, in one go: a master, two workers, Pi estimated by Node executors, and everything
// stopped again. `--keep` leaves the cluster running and says how to stop it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const keep = process.argv.includes('--keep')
const host = '127.0.0.1'
const registerTimeoutMs = 30_000
const folder = mkdtempSync(join(tmpdir(), 'magneto-quickstart-'))

/** The wanted port if it is free, else one that is. */
function freePort(wanted) {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', () =>
      wanted === 0 ? reject(new Error('no free port')) : resolve(freePort(0)),
    )
    probe.listen(wanted, host, () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

function script(name, args, env) {
  const done = spawnSync(join(root, name), args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (done.status !== 0) throw new Error(`${name} ended with ${done.status ?? done.signal}`)
}

async function aliveWorkers(webUi) {
  try {
    const answer = await fetch(`${webUi}/json/`)
    return (await answer.json()).aliveworkers
  } catch {
    return 0
  }
}

async function waitForWorkers(webUi, count) {
  const deadline = Date.now() + registerTimeoutMs
  while ((await aliveWorkers(webUi)) < count) {
    if (Date.now() > deadline)
      throw new Error(`${count} workers did not register within 30 s; logs: ${folder}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function showLogs() {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.out'))) {
    console.error(`\n── ${name}\n${readFileSync(join(folder, name), 'utf8').slice(-4000)}`)
  }
}

async function main() {
  const port = await freePort(7077)
  const uiPort = await freePort(8080)
  const workerUiPort = await freePort(8081)
  const env = {
    SPARK_MASTER_HOST: host,
    SPARK_MASTER_PORT: String(port),
    SPARK_MASTER_WEBUI_PORT: String(uiPort),
    SPARK_WORKER_WEBUI_PORT: String(workerUiPort),
    SPARK_LOCAL_IP: host,
    SPARK_WORKER_INSTANCES: '2',
    SPARK_WORKER_CORES: '2',
    SPARK_WORKER_MEMORY: '1g',
    SPARK_LOG_DIR: folder,
    SPARK_PID_DIR: folder,
    SPARK_WORKER_DIR: join(folder, 'work'),
    SPARK_IDENT_STRING: 'quickstart',
  }
  const master = `spark://${host}:${port}`
  const webUi = `http://${host}:${uiPort}`
  const stop = () => {
    script('sbin/stop-worker.sh', [], env)
    script('sbin/stop-master.sh', [], env)
  }
  let failed = true
  try {
    script('sbin/start-master.sh', [], env)
    script('sbin/start-worker.sh', [master], env)
    await waitForWorkers(webUi, 2)
    console.log(`\nThe cluster is up: ${master}, web UI ${webUi}\n`)
    const pi = ['dist/examples/pi/pi.js', '--master', master]
    const done = spawnSync(process.execPath, pi, { cwd: root, stdio: 'inherit' })
    if (done.status !== 0) throw new Error(`the example ended with ${done.status ?? done.signal}`)
    failed = false
  } catch (error) {
    console.error(`quickstart: ${error.message}`)
    showLogs()
  }
  if (keep && !failed) {
    const stopping = Object.entries(env).filter(([name]) => /PID_DIR|IDENT|INSTANCES/.test(name))
    const variables = stopping.map(([name, value]) => `${name}=${value}`).join(' ')
    console.log(`\nStill running. Look at ${webUi}; logs are in ${folder}. To stop:`)
    console.log(`  env ${variables} sh -c 'sbin/stop-worker.sh; sbin/stop-master.sh'`)
    return
  }
  stop()
  if (!failed) rmSync(folder, { recursive: true, force: true })
  console.log(
    failed
      ? `\nLogs: ${folder}`
      : '\nStopped. To keep it running and look around: npm run quickstart -- --keep',
  )
  process.exitCode = failed ? 1 : 0
}

// Ctrl-C reaches the children as well; the cluster is stopped by `main` when the example has ended.
process.on('SIGINT', () => {})
await main()
