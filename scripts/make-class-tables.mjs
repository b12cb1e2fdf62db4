// Writes src/spark/tables/classes.ts: the descriptors of the Java classes that Magneto writes to Spark
// processes, or tells their version by. To serve one more Spark version, collect its classes into a
// classes.json (one entry per class: `suid` by version, `layouts` with flags, super and fields) and run
//   node scripts/make-class-tables.mjs CLASSES.json && npx oxfmt --write src/spark/tables
import { readFileSync, writeFileSync } from 'node:fs'

const OUTPUT = new URL('../src/spark/tables/classes.ts', import.meta.url)

const written = `
  RegisteredApplication ExecutorAdded ExecutorUpdated WorkerRemoved ApplicationRemoved MasterChanged
  RegisteredWorker RegisterWorkerFailed MasterInStandby$ ReconnectWorker LaunchExecutor KillExecutor
  ApplicationFinished LaunchDriver KillDriver DecommissionWorker$ SubmitDriverResponse
  KillDriverResponse KillAllDriversResponse DriverStatusResponse`
/** Only read: their numbers tell the version. */
const telling = `
  RegisterWorker Heartbeat WorkerLatestState ExecutorStateChanged DriverStateChanged
  WorkerDecommissioning WorkerSchedulerStateResponse RegisterApplication UnregisterApplication
  MasterChangeAcknowledged RequestExecutors KillExecutors RequestSubmitDriver RequestKillDriver
  RequestDriverStatus DecommissionWorkersOnHosts`
const deployMessages = `${written} ${telling}`.trim().split(/\s+/)

const wanted = [
  ...deployMessages.map((name) => `org.apache.spark.deploy.DeployMessages$${name}`),
  'org.apache.spark.deploy.ApplicationDescription',
  'org.apache.spark.deploy.Command',
  'org.apache.spark.deploy.DriverDescription',
  'org.apache.spark.deploy.ExecutorState$',
  'org.apache.spark.deploy.master.DriverState$',
  'org.apache.spark.deploy.master.MasterMessages$BoundPortsResponse',
  'org.apache.spark.resource.ResourceInformation',
  'org.apache.spark.resource.ResourceProfile',
  'org.apache.spark.resource.ResourceRequirement',
  'org.apache.spark.rpc.RpcAddress',
  'org.apache.spark.rpc.RpcEndpointAddress',
  'org.apache.spark.rpc.RpcTimeout',
  'org.apache.spark.rpc.netty.NettyRpcEndpointRef',
  'org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence',
  'scala.Enumeration$Val',
  'scala.None$',
  'scala.Some',
  'scala.Tuple2',
  'scala.collection.IterableFactory$ToFactory',
  'scala.collection.MapFactory$ToFactory',
  'scala.collection.generic.DefaultSerializationProxy',
  'scala.collection.generic.SerializeEnd$',
  // Only read: its number tells submit clients of 4.0 from later ones.
  'scala.collection.immutable.ArraySeq',
  'scala.collection.immutable.HashMap$',
  'scala.collection.immutable.HashMap$SerializationProxy',
  'scala.collection.immutable.List$',
  'scala.collection.immutable.List$SerializationProxy',
  'scala.collection.immutable.ListSerializeEnd$',
  'scala.collection.immutable.Map$EmptyMap$',
  ...[1, 2, 3, 4].map((count) => `scala.collection.immutable.Map$Map${count}`),
  'scala.concurrent.duration.FiniteDuration',
  'scala.runtime.ModuleSerializationProxy',
  'java.lang.Boolean',
  'java.lang.Exception',
  'java.lang.Integer',
  'java.util.Collections$EmptyList',
  'java.util.concurrent.TimeUnit',
  '[Ljava.lang.StackTraceElement;',
  '[Ljava.lang.String;',
]

/** 4.3.0 -> 4.3 */
function minorOf(version) {
  return version.split('.').slice(0, 2).join('.')
}

function rowsOf(name, entry, releases) {
  const rows = new Map()
  const seen = new Map()
  for (const release of releases) {
    const suid = entry.suid[release] ?? entry.suid['*']
    const layout = entry.layouts.find(({ versions }) => versions.includes(release))
    if (suid === undefined || layout === undefined) continue
    const fields = layout.fields.map(([field, type]) => `${field}:${type}`)
    const body = { suid, flags: layout.flags, superclass: layout.super, fields }
    const key = JSON.stringify(body)
    const version = minorOf(release)
    if ((seen.get(version) ?? key) !== key) {
      throw new Error(`${name} differs between patch releases of ${version}: keep one of them`)
    }
    seen.set(version, key)
    const row = rows.get(key) ?? { name, versions: [], ...body }
    if (!row.versions.includes(version)) row.versions.push(version)
    rows.set(key, row)
  }
  return [...rows.values()]
}

function collect({ classes, versions }) {
  const queue = [...wanted]
  const names = new Set()
  const rows = []
  for (const name of queue) {
    if (names.has(name)) continue
    names.add(name)
    const entry = classes[name]
    if (entry === undefined) throw new Error(`no class ${name}`)
    for (const row of rowsOf(name, entry, versions)) {
      rows.push(row)
      if (row.superclass !== null) queue.push(row.superclass)
    }
  }
  return rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function render(rows, versions) {
  const lines = rows.map(({ name, versions: listed, suid, flags, superclass, fields }) => {
    const which = listed.length === versions.length ? '*' : listed.join(',')
    return [name, which, suid, flags, superclass ?? '-', ...fields].join(' ')
  })
  return `// Generated by scripts/make-class-tables.mjs. Do not edit.

/**
 * One class a line: name, versions (\`*\`: all), serialVersionUID, flags, superclass (\`-\`: none), and its
 * fields as \`name:signature\` in the order of the stream. A class that differs has several lines.
 */
export const CLASS_LINES = \`
${lines.join('\n')}
\`
`
}

const [source] = process.argv.slice(2)
if (source === undefined) {
  console.error('usage: node scripts/make-class-tables.mjs CLASSES.json')
  process.exit(1)
}
const tables = JSON.parse(readFileSync(source, 'utf8'))
const versions = [...new Set(tables.versions.map(minorOf))]
writeFileSync(OUTPUT, render(collect(tables), versions))
