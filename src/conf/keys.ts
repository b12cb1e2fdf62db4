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
  metricsKeys,
  sharedDecommissionKeys,
  webKeys,
} from './keys-shared.js'
import { aclKeys, headerKeys, securityKeys, tlsKeys } from './keys-security.js'
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
  Metrics: metricsKeys,
  'Taking workers out of service': { ...sharedDecommissionKeys, ...decommissionKeys },
  'Submissions over REST': restKeys,
  'Web UI': { ...masterUiKeys, ...workerUiKeys, ...webKeys },
  'Who may see and do what in the web UIs': aclKeys,
  'Headers of the web UIs': headerKeys,
  'TLS of the web UIs': tlsKeys,
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
  ...metricsKeys,
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
  ...aclKeys,
  ...headerKeys,
  ...tlsKeys,
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

/** Keys of applications and submissions that the cluster acts on; the daemons read none of them. */
export const applicationKeys: readonly { name: string; doc: string; spec: string }[] = [
  {
    name: 'spark.cores.max',
    doc: 'Cores that the application takes at most; not set: spark.deploy.defaultCores.',
    spec: 'P67',
  },
  {
    name: 'spark.executor.cores',
    doc: 'Cores of an executor; not set: one executor a worker, which takes what it can.',
    spec: 'P68',
  },
  { name: 'spark.executor.memory', doc: 'Memory of an executor.', spec: 'P68' },
  {
    name: 'spark.executor.resource.{name}.amount',
    doc: 'Custom resources of an executor.',
    spec: 'P69',
  },
  {
    name: 'spark.dynamicAllocation.enabled',
    doc: 'The driver asks for executors and gives them back as it goes.',
    spec: 'P71',
  },
  { name: 'spark.driver.cores', doc: 'Cores of a driver on the cluster.', spec: 'P72' },
  { name: 'spark.driver.memory', doc: 'Memory of a driver on the cluster.', spec: 'P72' },
  {
    name: 'spark.driver.resource.{name}.amount',
    doc: 'Custom resources of a driver on the cluster.',
    spec: 'P69',
  },
  {
    name: 'spark.driver.supervise',
    doc: 'Whether a driver on the cluster that fails is started again.',
    spec: 'P72',
  },
  {
    name: 'spark.magneto.sparkVersion',
    doc: "The Spark that a driver on the cluster is for, such as 4.3, where its submission leaves several; a client without REST sets it with -D in the driver's Java options.",
    spec: 'M',
  },
  {
    name: 'spark.magneto.driver.nodeOptions',
    doc: 'Options of Node for a Node driver on the cluster.',
    spec: 'M',
  },
]
