/** A `config` row of the tables, as settings of our core and as properties of Apache's Master. */
import { WorkerSelectionPolicy } from '../../src/schema/magneto.js'
import type { CoreConfigT } from '../../src/schema/magneto.js'
import { TableError } from './row.js'

/** The keys of a `config` row. */
export type Settings = ReadonlyMap<string, string>

interface Setting {
  readonly property: string
  readonly core: (value: string) => Partial<CoreConfigT>
}

function policy(value: string): WorkerSelectionPolicy {
  const found = WorkerSelectionPolicy[value as keyof typeof WorkerSelectionPolicy]
  if (found === undefined) throw new TableError(`no worker selection policy ${value}`)
  return found
}

const SETTINGS: Record<string, Setting> = {
  spread: {
    property: 'spark.deploy.spreadOutApps',
    core: (value) => ({ spreadOutApps: value === 'true' }),
  },
  spread_drivers: {
    property: 'spark.deploy.spreadOutDrivers',
    core: (value) => ({ spreadOutDrivers: value === 'true' }),
  },
  policy: {
    property: 'spark.deploy.workerSelectionPolicy',
    core: (value) => ({ workerSelectionPolicy: policy(value) }),
  },
  default_cores: {
    property: 'spark.deploy.defaultCores',
    core: (value) => ({ defaultCores: Number(value) }),
  },
  retries: {
    property: 'spark.deploy.maxExecutorRetries',
    core: (value) => ({ maxExecutorRetries: Number(value) }),
  },
  retained: {
    property: 'spark.deploy.retainedApplications',
    core: (value) => ({ retainedApplications: Number(value) }),
  },
  persistence: {
    property: 'spark.dead.worker.persistence',
    core: (value) => ({ deadWorkerPersistence: Number(value) }),
  },
  pattern: {
    property: 'spark.deploy.appIdPattern',
    core: (value) => ({ appIdPattern: value }),
  },
  retained_drivers: {
    property: 'spark.deploy.retainedDrivers',
    core: (value) => ({ retainedDrivers: Number(value) }),
  },
  driver_pattern: {
    property: 'spark.deploy.driverIdPattern',
    core: (value) => ({ driverIdPattern: value }),
  },
  modulo: {
    property: 'spark.deploy.appNumberModulo',
    core: (value) => ({ appNumberModulo: Number(value) }),
  },
  name_as_id: {
    property: 'spark.master.useAppNameAsAppId.enabled',
    core: (value) => ({ useAppNameAsAppId: value === 'true' }),
  },
  seed: { property: 'magneto.parity.seed', core: (value) => ({ seed: BigInt(value) }) },
  standby: {
    property: 'magneto.parity.standby',
    core: (value) => ({ standby: value === 'true' }),
  },
  max_drivers: {
    property: 'spark.deploy.maxDrivers',
    core: (value) => ({ maxDrivers: Number(value) }),
  },
}

function settingOf(key: string): Setting {
  const found = SETTINGS[key]
  if (found === undefined) throw new TableError(`no setting ${key}`)
  return found
}

export function coreConfig(settings: Settings): Partial<CoreConfigT> {
  const parts = [...settings].map(([key, value]) => settingOf(key).core(value))
  return Object.assign({}, ...parts) as Partial<CoreConfigT>
}

export function sparkProperties(settings: Settings): Map<string, string> {
  return new Map([...settings].map(([key, value]) => [settingOf(key).property, value]))
}
