/** The flags of both daemons, and what `--help` prints (C2 to C14). */
import { flagHelp, type Flag } from './flags.js'
import { keys } from './keys.js'

/** A flag with what docs/configuration.md says beside its help. */
export interface DaemonFlag extends Flag {
  readonly variable?: string
  /** In words; absent: nothing. */
  readonly default?: string
  readonly spec: string
}

export const MASTER_PORT = 7077

const propertiesFile: DaemonFlag = {
  names: ['--properties-file'],
  value: 'FILE',
  help: 'Settings spark.*, instead of conf/spark-defaults.conf',
  default: '`conf/spark-defaults.conf`',
  spec: 'C5, C13',
}

const help: DaemonFlag = { names: ['--help'], help: 'Print this and exit', spec: 'C6, C13' }

const host = {
  names: ['--host', '-h'],
  value: 'HOST',
  help: 'Host name or address to bind and advertise',
}
const port = { names: ['--port', '-p'], value: 'PORT', help: 'Port to listen on, 0: any free one' }
const uiPort = { names: ['--webui-port'], value: 'PORT', help: 'Port of the web UI' }

export const MASTER_FLAGS: readonly DaemonFlag[] = [
  { ...host, variable: 'SPARK_MASTER_HOST', default: 'the address of this machine', spec: 'C2' },
  { ...port, variable: 'SPARK_MASTER_PORT', default: String(MASTER_PORT), spec: 'C3, C16' },
  {
    ...uiPort,
    variable: 'SPARK_MASTER_WEBUI_PORT',
    default: String(keys.masterUiPort.default),
    spec: 'C4, C16',
  },
  propertiesFile,
  help,
]

export const WORKER_FLAGS: readonly DaemonFlag[] = [
  {
    names: ['--cores', '-c'],
    value: 'CORES',
    help: 'Cores to offer',
    variable: 'SPARK_WORKER_CORES',
    default: 'all that the process may use',
    spec: 'C10',
  },
  {
    names: ['--memory', '-m'],
    value: 'MEM',
    help: 'Memory to offer, such as 1000M or 2G',
    variable: 'SPARK_WORKER_MEMORY',
    default: 'all less 1 GiB',
    spec: 'C11',
  },
  {
    names: ['--work-dir', '-d'],
    value: 'DIR',
    help: 'Folder for applications and their logs',
    variable: 'SPARK_WORKER_DIR',
    default: '`work` beside `sbin`',
    spec: 'C12',
  },
  { ...host, default: 'the address of this machine', spec: 'C9' },
  { ...port, variable: 'SPARK_WORKER_PORT', default: 'any free one', spec: 'C9, C16' },
  {
    ...uiPort,
    variable: 'SPARK_WORKER_WEBUI_PORT',
    default: String(keys.workerUiPort.default),
    spec: 'C9, C16',
  },
  propertiesFile,
  help,
]

export const MASTER_HELP = `Usage: Master [options]

Options:
${flagHelp(MASTER_FLAGS)}
Defaults: port ${MASTER_PORT} (SPARK_MASTER_PORT), web UI ${keys.masterUiPort.default} (SPARK_MASTER_WEBUI_PORT, ${keys.masterUiPort.name}).
`

export const WORKER_HELP = `Usage: Worker [options] <master>

<master> is a URL of the form spark://host:port, or spark://host1:port1,host2:port2.

Options:
${flagHelp(WORKER_FLAGS)}
Defaults: all cores, all memory less 1 GiB, any free port, web UI ${keys.workerUiPort.default}.
`
