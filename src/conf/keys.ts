/**
 * Every key the daemons read, with its default, its parser and where the specification names it. Values come
 * out in the unit that the property's name ends with: ms, bytes, MiB (`Mb`).
 */
import type { ConfKey } from './configuration.js'
import {
  apacheWorkerKeys,
  historyKeys,
  masterUiKeys,
  namingKeys,
  recoveryKeys,
  restKeys,
  schedulingKeys,
  workerTimeoutMs,
} from './keys-master.js'
import {
  loggingKeys,
  networkKeys,
  portKeys,
  securityKeys,
  sharedDecommissionKeys,
  webKeys,
} from './keys-shared.js'
import {
  decommissionKeys,
  executionKeys,
  executorLogKeys,
  folderKeys,
  registrationKeys,
  resourceKeys,
  shuffleServiceKeys,
  workerUiKeys,
} from './keys-worker.js'

export type { ConfKey } from './configuration.js'

const livenessKeys = { workerTimeoutMs }

/** In the order of docs/configuration.md, under its headings. */
const GROUPS = {
  Scheduling: schedulingKeys,
  'Ids of applications and drivers': namingKeys,
  'What the master remembers': historyKeys,
  'Workers and their master': { ...livenessKeys, ...registrationKeys, ...apacheWorkerKeys },
  'Executors and drivers on a worker': executionKeys,
  'Folders and disks of a worker': folderKeys,
  'Logs of executors': executorLogKeys,
  'Custom resources': resourceKeys,
  'Taking workers out of service': { ...sharedDecommissionKeys, ...decommissionKeys },
  'Submissions over REST': restKeys,
  'Web UI': { ...masterUiKeys, ...workerUiKeys, ...webKeys },
  'Ports and the network': { ...portKeys, ...networkKeys },
  'Logs of the daemons': loggingKeys,
  Recovery: recoveryKeys,
  Security: securityKeys,
  'Shuffle service': shuffleServiceKeys,
}

export const keys = {
  ...schedulingKeys,
  ...namingKeys,
  ...historyKeys,
  ...livenessKeys,
  ...registrationKeys,
  ...apacheWorkerKeys,
  ...executionKeys,
  ...folderKeys,
  ...executorLogKeys,
  ...resourceKeys,
  ...sharedDecommissionKeys,
  ...decommissionKeys,
  ...restKeys,
  ...masterUiKeys,
  ...workerUiKeys,
  ...webKeys,
  ...portKeys,
  ...networkKeys,
  ...loggingKeys,
  ...recoveryKeys,
  ...securityKeys,
  ...shuffleServiceKeys,
}

export const allKeys: readonly ConfKey<unknown>[] = Object.values(keys)

/** The keys under their headings; each stands under one. */
export const keyGroups: readonly { title: string; keys: readonly ConfKey<unknown>[] }[] =
  Object.entries(GROUPS).map(([title, group]) => ({ title, keys: Object.values(group) }))

/** Keys with a free part, `{name}`, that the worker reads for each resource it offers. */
export const resourceKeyForms: readonly { name: string; form: string; doc: string }[] = [
  {
    name: 'spark.worker.resource.{name}.amount',
    form: '0 or more',
    doc: 'How many of that resource the worker offers.',
  },
  {
    name: 'spark.worker.resource.{name}.discoveryScript',
    form: 'text',
    doc: 'A script that prints their addresses, where the resources file lists none: `{"name": "gpu", "addresses": ["0"]}`.',
  },
  {
    name: 'spark.worker.resource.{name}.vendor',
    form: 'text',
    doc: 'Read, and not used; so it is in Spark.',
  },
]
