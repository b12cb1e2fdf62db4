/** The tables of schemas/control.fbs as data for the verifier; a test compares them with the schema. */

export type FieldType =
  | { readonly kind: 'scalar'; readonly bytes: number }
  | { readonly kind: 'string' }
  | { readonly kind: 'strings' }
  | { readonly kind: 'scalars'; readonly bytes: number }
  | { readonly kind: 'table' | 'tables' | 'nested'; readonly table: () => Table }
  | {
      readonly kind: 'union'
      /** Index of the field that tells which member it is; always below its own. */
      readonly typeIndex: number
      /** By the value of that field; 0 is none. */
      readonly members: readonly ((() => Table) | undefined)[]
    }

export interface Field {
  readonly name: string
  /** With its table, as errors name it. */
  readonly path: string
  readonly type: FieldType
  readonly required: boolean
}

export interface Table {
  readonly name: string
  readonly fields: readonly Field[]
}

export const byte: FieldType = { kind: 'scalar', bytes: 1 }
export const short: FieldType = { kind: 'scalar', bytes: 2 }
export const int: FieldType = { kind: 'scalar', bytes: 4 }
export const long: FieldType = { kind: 'scalar', bytes: 8 }
export const string: FieldType = { kind: 'string' }
const strings: FieldType = { kind: 'strings' }
export const bytes: FieldType = { kind: 'scalars', bytes: 1 }
export const tables = (of: () => Table): FieldType => ({ kind: 'tables', table: of })
export const nested = (of: () => Table): FieldType => ({ kind: 'nested', table: of })
export const one = (of: () => Table): FieldType => ({ kind: 'table', table: of })

/** @param fields in the order of the schema; a name that ends in `!` is required */
export function table(name: string, fields: Record<string, FieldType>): Table {
  return {
    name,
    fields: Object.entries(fields).map(([key, type]) => ({
      name: key.replace('!', ''),
      path: `${name}.${key.replace('!', '')}`,
      type,
      required: key.endsWith('!'),
    })),
  }
}

const property = table('Property', { 'key!': string, 'value!': string })
export const resource = table('Resource', { 'name!': string, 'addresses!': strings })
const resourceAmount = table('ResourceAmount', { 'name!': string, amount: int })
const resourceProfile = table('ResourceProfile', {
  id: int,
  cores: int,
  memory_mb: int,
  resources: tables(() => resourceAmount),
})
const jvmCommand = table('JvmCommand', {
  'main_class!': string,
  args: strings,
  environment: tables(() => property),
  class_path: strings,
  library_path: strings,
  java_options: strings,
  spark_version: string,
})
const nodeCommand = table('NodeCommand', {
  'module_path!': string,
  args: strings,
  environment: tables(() => property),
  node_options: strings,
})

export const applicationDescription = table('ApplicationDescription', {
  'name!': string,
  user: string,
  ui_url: string,
  max_cores: int,
  initial_executor_limit: int,
  'default_profile!': one(() => resourceProfile),
  command_type: byte,
  'command!': {
    kind: 'union',
    typeIndex: 6,
    members: [undefined, () => jvmCommand, () => nodeCommand],
  },
  'runtime!': string,
})

export const driverDescription = table('DriverDescription', {
  'jar_url!': string,
  memory_mb: int,
  cores: int,
  supervise: byte,
  'command!': one(() => jvmCommand),
  resources: tables(() => resourceAmount),
  'runtimes!': strings,
  spark_description: bytes,
  node_command: one(() => nodeCommand),
})

const executorDescription = table('ExecutorDescription', {
  'app_id!': string,
  executor_id: int,
  profile_id: int,
  cores: int,
  memory_mb: int,
  state: byte,
})
const workerExecutorState = table('WorkerExecutorStateResponse', {
  'description!': one(() => executorDescription),
  resources: tables(() => resource),
})
const workerDriverState = table('WorkerDriverStateResponse', {
  'driver_id!': string,
  resources: tables(() => resource),
})
export const profileTarget = table('ProfileTarget', {
  'profile!': one(() => resourceProfile),
  total: int,
})

export const registerWorker = table('RegisterWorker', {
  'worker_id!': string,
  'host!': string,
  port: short,
  cores: int,
  memory_mb: int,
  web_ui_url: string,
  resources: tables(() => resource),
  'runtimes!': strings,
  health_report: string,
  endpoint: string,
})

/** In the order of the union Body. */
export const bodies: readonly Table[] = [
  registerWorker,
  table('WorkerHeartbeat', { 'worker_id!': string }),
  table('WorkerLatestState', {
    'worker_id!': string,
    executors: tables(() => executorDescription),
    driver_ids: strings,
  }),
  table('ExecutorStateChanged', {
    request_id: int,
    'app_id!': string,
    executor_id: int,
    state: byte,
    message: string,
    exit_status: int,
  }),
  table('WorkerRegistered', {
    'master_url!': string,
    master_web_ui_url: string,
    duplicate: byte,
    worker_timeout_ms: int,
    epoch: int,
  }),
  table('RegisterWorkerFailed', { 'message!': string }),
  table('ReconnectWorker', { 'master_url!': string }),
  table('LaunchExecutor', {
    'master_url!': string,
    'app_id!': string,
    executor_id: int,
    profile_id: int,
    cores: int,
    memory_mb: int,
    resources: tables(() => resource),
    application: nested(() => applicationDescription),
    spark_description: bytes,
  }),
  table('KillExecutor', { 'master_url!': string, 'app_id!': string, executor_id: int }),
  table('ApplicationFinished', { 'app_id!': string }),
  table('RegisterApplication', {
    'application!': nested(() => applicationDescription),
    driver_address: string,
    spark_description: bytes,
    endpoint: string,
  }),
  table('UnregisterApplication', { 'app_id!': string }),
  table('RequestExecutors', {
    request_id: int,
    'app_id!': string,
    targets: tables(() => profileTarget),
  }),
  table('KillExecutors', { request_id: int, 'app_id!': string, executor_ids: strings }),
  table('ApplicationRegistered', { 'app_id!': string, 'master_url!': string, epoch: int }),
  table('ExecutorAdded', {
    executor_id: int,
    'worker_id!': string,
    'host!': string,
    port: short,
    cores: int,
    memory_mb: int,
  }),
  table('ExecutorUpdated', {
    executor_id: int,
    state: byte,
    message: string,
    exit_status: int,
    worker_host: string,
  }),
  table('WorkerRemoved', { 'worker_id!': string, 'host!': string, 'message!': string }),
  table('ApplicationRemoved', { 'message!': string }),
  table('Reply', { request_id: int, ok: byte, message: string, id: string, count: int }),
  table('Refused', { 'message!': string }),
  table('KillApplication', { request_id: int, 'app_id!': string }),
  table('DriverStateChanged', {
    'driver_id!': string,
    state: byte,
    exception: string,
    request_id: int,
  }),
  table('LaunchDriver', {
    'driver_id!': string,
    'description!': nested(() => driverDescription),
    resources: tables(() => resource),
  }),
  table('KillDriver', { 'driver_id!': string }),
  table('RequestSubmitDriver', {
    request_id: int,
    'description!': nested(() => driverDescription),
  }),
  table('RequestKillDriver', { request_id: int, 'driver_id!': string }),
  table('RequestKillAllDrivers', { request_id: int }),
  table('RequestDriverStatus', { request_id: int, 'driver_id!': string }),
  table('DriverStatusResponse', {
    request_id: int,
    found: byte,
    state: byte,
    worker_id: string,
    worker_host_port: string,
    exception: string,
  }),
  table('RequestClearCompletedDriversAndApps', { request_id: int }),
  table('RequestReadyz', { request_id: int }),
  table('DecommissionWorkersOnHosts', { request_id: int, 'hosts!': strings }),
  table('WorkerDecommissioning', { 'worker_id!': string }),
  table('DecommissionWorker', {}),
  table('MasterInStandby', { leader_url: string, leader_web_ui_url: string, epoch: int }),
  table('WorkerHealth', { 'worker_id!': string, healthy: byte, report: string }),
  table('MasterChanged', { 'master_url!': string, master_web_ui_url: string, epoch: int }),
  table('WorkerSchedulerStateResponse', {
    'worker_id!': string,
    executors: tables(() => workerExecutorState),
    drivers: tables(() => workerDriverState),
  }),
  table('MasterChangeAcknowledged', { 'app_id!': string, expected_executors: strings }),
]

export const message = table('Message', {
  body_type: byte,
  'body!': {
    kind: 'union',
    typeIndex: 0,
    members: [undefined, ...bodies.map((body) => () => body)],
  },
})
