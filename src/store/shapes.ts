/** The tables of schemas/store.fbs as data for the verifier; a test compares them with the schema. */
import {
  applicationDescription,
  byte,
  bytes,
  driverDescription,
  int,
  long,
  nested,
  one,
  profileTarget,
  registerWorker,
  resource,
  short,
  string,
  table,
  tables,
  type Table,
} from '../control/shapes.js'

const pastExecutor = table('PastExecutor', {
  executor_id: int,
  worker_id: string,
  profile_id: int,
  cores: int,
  memory_mb: int,
  state: byte,
})

/** In the order of the union Value. */
export const values: readonly Table[] = [
  table('WorkerRecord', { 'registration!': one(() => registerWorker), leaving: byte }),
  table('ApplicationRecord', {
    'app_id!': string,
    'application!': nested(() => applicationDescription),
    driver_address: string,
    submitted_ms: long,
    next_executor_id: int,
    spark_description: bytes,
    order: long,
    endpoint: string,
  }),
  table('DriverRecord', {
    'driver_id!': string,
    'description!': nested(() => driverDescription),
    submitted_ms: long,
    order: long,
    worker_id: string,
    worker_host_port: string,
    started_ms: long,
    relaunched: byte,
    kill_asked: byte,
    replaces: string,
  }),
  table('TargetsRecord', { 'app_id!': string, targets: tables(() => profileTarget) }),
  table('CountersRecord', {
    next_application_number: long,
    next_driver_number: long,
    next_order: long,
  }),
  table('CompletedApplicationRecord', {
    'app_id!': string,
    name: string,
    user: string,
    ui_url: string,
    state: byte,
    submitted_ms: long,
    ended_ms: long,
    order: long,
    cores_max: int,
    memory_per_executor_mb: int,
    executor_limit: int,
    executors: tables(() => pastExecutor),
    runtime: string,
  }),
  table('CompletedDriverRecord', {
    'driver_id!': string,
    main_class: string,
    jar_url: string,
    state: byte,
    exception: string,
    worker_id: string,
    worker_host_port: string,
    submitted_ms: long,
    started_ms: long,
    ended_ms: long,
    order: long,
    cores: int,
    memory_mb: int,
    supervise: byte,
    resources: tables(() => resource),
  }),
]

/** What every version of a record starts with. */
export const recordHead = table('Record', { 'key!': string, version: short })

export const record = table('Record', {
  'key!': string,
  version: short,
  value_type: byte,
  'value!': {
    kind: 'union',
    typeIndex: 2,
    members: [undefined, ...values.map((value) => () => value)],
  },
})
