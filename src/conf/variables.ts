/** Every environment variable that is read here, for docs/configuration.md and for what is said at start. */

export interface Variable {
  readonly name: string
  /** What holds when it is not set, in words; absent: nothing. */
  readonly default?: string
  /** Sentences: what it does. */
  readonly doc: string
  /** The id in the specification; M: a variable of our own. */
  readonly spec: string
}

const locations: readonly Variable[] = [
  {
    name: 'SPARK_CONF_DIR',
    default: '`conf` beside `sbin`',
    doc: 'Folder of the configuration files.',
    spec: 'E12',
  },
  {
    name: 'SPARK_HOME',
    doc: 'An Apache Spark distribution that executors and drivers start from. It never names Magneto itself.',
    spec: 'E12',
  },
  {
    name: 'MAGNETO_SPARK_HOMES',
    default: '`spark.magneto.sparkHomes`',
    doc: 'Several distributions, with colons between, the preferred one first; `SPARK_HOME` comes after them.',
    spec: 'M',
  },
  {
    name: 'MAGNETO_HOME',
    default: 'found from the running file',
    doc: "Magneto's own folder; the scripts set it.",
    spec: 'M',
  },
  {
    name: 'MAGNETO_NODE',
    default: '`node`',
    doc: 'The Node binary that runs the daemons.',
    spec: 'M',
  },
]

const ofBothDaemons: readonly Variable[] = [
  {
    name: 'SPARK_LOCAL_IP',
    default: 'what the host name stands for',
    doc: 'Address of this machine, where the web UI binds too (else: on every interface).',
    spec: 'E8',
  },
  {
    name: 'SPARK_LOCAL_HOSTNAME',
    default: '`SPARK_LOCAL_IP`',
    doc: 'Name that this machine is known by.',
    spec: 'E8',
  },
  {
    name: 'SPARK_USER',
    default: 'who runs the daemon',
    doc: 'A user who may see and change everything in the web UI under spark.acls.enable, besides who runs the daemon.',
    spec: 'P50',
  },
  {
    name: 'SPARK_PUBLIC_DNS',
    default: 'the host',
    doc: 'Host in links for people.',
    spec: 'E7',
  },
  {
    name: 'SPARK_DAEMON_JAVA_OPTS',
    doc: 'Settings of both daemons as `-Dspark.key=value`. Options for JVMs are named in a warning; `-Xmx` is refused.',
    spec: 'E3',
  },
  {
    name: 'MAGNETO_LOG_LEVEL',
    default: '`info`',
    doc: 'trace, debug, info, warn, error, fatal or silent.',
    spec: 'M',
  },
  {
    name: 'MAGNETO_LOG_FORMAT',
    default: '`text`',
    doc: 'text, or json: one object a line.',
    spec: 'F5',
  },
]

const ofTheMaster: readonly Variable[] = [
  {
    name: 'SPARK_MASTER_HOST',
    default: '`hostname -f` under `start-master.sh`',
    doc: 'As `--host`.',
    spec: 'E1',
  },
  { name: 'SPARK_MASTER_PORT', default: '7077', doc: 'As `--port`.', spec: 'E1' },
  { name: 'SPARK_MASTER_WEBUI_PORT', default: '8080', doc: 'As `--webui-port`.', spec: 'E1' },
  {
    name: 'SPARK_MASTER_OPTS',
    doc: 'Settings of the master alone; beats `SPARK_DAEMON_JAVA_OPTS`.',
    spec: 'E3',
  },
  {
    name: 'SPARK_MASTER_IP',
    doc: 'Obsolete: `SPARK_MASTER_HOST`, which beats it. A warning says so.',
    spec: 'E2',
  },
]

const ofTheWorker: readonly Variable[] = [
  { name: 'SPARK_WORKER_CORES', default: 'all', doc: 'As `--cores`.', spec: 'E4' },
  { name: 'SPARK_WORKER_MEMORY', default: 'all less 1 GiB', doc: 'As `--memory`.', spec: 'E4' },
  { name: 'SPARK_WORKER_PORT', default: 'any free one', doc: 'As `--port`.', spec: 'E4' },
  { name: 'SPARK_WORKER_WEBUI_PORT', default: '8081', doc: 'As `--webui-port`.', spec: 'E4' },
  {
    name: 'SPARK_WORKER_DIR',
    default: '`work` beside `sbin`',
    doc: 'As `--work-dir`.',
    spec: 'E4',
  },
  {
    name: 'SPARK_WORKER_INSTANCES',
    default: '1',
    doc: 'Workers that the scripts run on this machine; set ports count up from one to the next.',
    spec: 'E5',
  },
  {
    name: 'SPARK_WORKER_OPTS',
    doc: 'Settings of the worker alone; beats `SPARK_DAEMON_JAVA_OPTS`.',
    spec: 'E3',
  },
  {
    name: 'SPARK_LOCAL_DIRS',
    default: '`spark.local.dir`',
    doc: 'Scratch folders of executors, with commas between.',
    spec: 'E9',
  },
  {
    name: 'JAVA_HOME',
    default: '`java` of the `PATH`',
    doc: "Whose Java runs executors and drivers; what an application sets for itself beats the worker's.",
    spec: 'E15',
  },
  { name: 'HADOOP_CONF_DIR', doc: 'Put on the class path of executors and drivers.', spec: 'E16' },
  { name: 'YARN_CONF_DIR', doc: 'Put on the class path of executors and drivers.', spec: 'E16' },
  {
    name: 'SPARK_DIST_CLASSPATH',
    doc: 'Put at the end of the class path of executors and drivers.',
    spec: 'E16',
  },
]

const ofTheScripts: readonly Variable[] = [
  {
    name: 'SPARK_LOG_DIR',
    default: '`logs` beside `sbin`',
    doc: 'Logs of the daemons.',
    spec: 'E10',
  },
  {
    name: 'SPARK_LOG_MAX_FILES',
    default: '5',
    doc: 'Older logs of a daemon that are kept.',
    spec: 'E10',
  },
  { name: 'SPARK_PID_DIR', default: '`/tmp`', doc: 'Files with process ids.', spec: 'E10' },
  {
    name: 'SPARK_IDENT_STRING',
    default: 'the user',
    doc: 'Part of the names of logs and pid files.',
    spec: 'E11',
  },
  { name: 'SPARK_NICENESS', default: '0', doc: 'Priority, as of nice(1).', spec: 'E11' },
  {
    name: 'SPARK_NO_DAEMONIZE',
    doc: 'Set to anything: the daemon stays in the foreground, without pid file and log file.',
    spec: 'E11',
  },
  {
    name: 'SPARK_WORKERS',
    default: '`conf/workers`',
    doc: 'File with the hosts of the workers, one a line.',
    spec: 'E13',
  },
  {
    name: 'SPARK_SSH_OPTS',
    default: '`-o StrictHostKeyChecking=no`',
    doc: 'Options of ssh.',
    spec: 'E13',
  },
  {
    name: 'SPARK_SSH_FOREGROUND',
    doc: 'Set to anything: one host after the other, so that ssh can ask for a password.',
    spec: 'E13',
  },
  {
    name: 'SPARK_WORKER_SLEEP',
    default: '0',
    doc: 'Seconds between one host and the next.',
    spec: 'E13',
  },
  {
    name: 'MAGNETO_SSH_PARALLEL',
    default: '64',
    doc: 'Hosts that are worked on at a time.',
    spec: 'M',
  },
  {
    name: 'MAGNETO_SSH_CONNECT_SECONDS',
    default: '10',
    doc: 'How long a host may take to answer before it is given up.',
    spec: 'M',
  },
  { name: 'SPARK_SLAVES', doc: 'Older name of `SPARK_WORKERS`.', spec: 'E13' },
  { name: 'SPARK_SLAVE_SLEEP', doc: 'Older name of `SPARK_WORKER_SLEEP`.', spec: 'E13' },
  {
    name: 'SPARK_MASTER',
    doc: 'host:folder of an installation that is copied here with rsync before a start; a spark:// URL means nothing here.',
    spec: 'E14',
  },
]

const ofTheCommands: readonly Variable[] = [
  {
    name: 'MAGNETO_MASTER',
    default: '`SPARK_MASTER_HOST` and `SPARK_MASTER_PORT`',
    doc: 'As `--master` of the commands; also the master of a `ClusterPool` that names none.',
    spec: 'M',
  },
  {
    name: 'MAGNETO_REST_TOKEN',
    doc: 'A signed token, for masters that ask for one (`spark.master.rest.filters`, `spark.ui.filters`).',
    spec: 'R17',
  },
]

/** What executors and drivers find, besides the environment of their worker and what their application sets. */
const ofChildren: readonly Variable[] = [
  {
    name: 'SPARK_EXECUTOR_DIRS',
    doc: 'Executors: their scratch folders, with colons between.',
    spec: 'E18',
  },
  { name: 'SPARK_LAUNCH_WITH_SCALA', doc: 'Executors: 0.', spec: 'E18' },
  {
    name: 'SPARK_LOG_URL_STDOUT',
    doc: 'Executors: where the web UI of the worker shows what they print; also SPARK_LOG_URL_STDERR.',
    spec: 'E18',
  },
  {
    name: 'SPARK_DRIVER_LOG_URL_STDOUT',
    doc: 'Drivers: the same; also SPARK_DRIVER_LOG_URL_STDERR.',
    spec: 'E19',
  },
  { name: 'MAGNETO_MASTER', doc: 'Node drivers: the master.', spec: 'M' },
  {
    name: 'MAGNETO_APP_NAME',
    doc: 'Node drivers: `spark.app.name` of their submission.',
    spec: 'M',
  },
  {
    name: 'MAGNETO_DRIVER_RESOURCES_FILE',
    doc: 'Node drivers with custom resources: the file that lists their addresses.',
    spec: 'M',
  },
]

/** In the order of docs/configuration.md, under its headings. */
export const variableGroups: readonly { title: string; variables: readonly Variable[] }[] = [
  { title: 'Where things are', variables: locations },
  { title: 'Both daemons', variables: ofBothDaemons },
  { title: 'Master', variables: ofTheMaster },
  { title: 'Worker', variables: ofTheWorker },
  { title: 'Scripts', variables: ofTheScripts },
  { title: 'Commands', variables: ofTheCommands },
  { title: 'Given to executors and drivers', variables: ofChildren },
]

/** Variables of Spark's daemons that speak to a JVM. */
export const JVM_VARIABLES: readonly string[] = [
  'SPARK_DAEMON_MEMORY',
  'SPARK_DAEMON_CLASSPATH',
  'SPARK_SHUFFLE_OPTS',
]

/** Set by one of our processes for another: nobody else should. */
export const INTERNAL_VARIABLES: readonly string[] = [
  'SPARK_ENV_LOADED',
  'MAGNETO_DAEMON',
  'MAGNETO_READY_FILE',
  'MAGNETO_APP_TOKEN',
  'MAGNETO_LAUNCH',
]
