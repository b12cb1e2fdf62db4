/** `/environment/`: what the master runs with (spec U7), secrets left out before they came here. Pure. */
import type { EnvironmentFacts, EnvironmentFact } from '../control/thread-messages.js'
import { html } from '../http/html.js'
import { document } from '../http/layout.js'
import { placeOf } from './links.js'
import { Table, type Row } from './model/table.js'
import type { Column, TableSpec } from './table-query.js'
import { shownTable, type PageAsked } from './table-section.js'

interface FactRow extends Row {
  readonly fact: EnvironmentFact
}

const columns: readonly Column<FactRow>[] = [
  { title: 'Name', key: 'name', value: ({ fact }) => fact.name },
  { title: 'Value', key: 'value', value: ({ fact }) => fact.value },
  { title: 'Set in', key: 'origin', value: ({ fact }) => fact.origin ?? '' },
]

interface Part {
  readonly title: string
  readonly spec: TableSpec<FactRow>
  readonly table: Table<FactRow>
}

function part(id: string, title: string, facts: readonly EnvironmentFact[]): Part {
  const table = new Table<FactRow>()
  for (const [number, fact] of facts.entries()) table.put({ number, fact, stale: false })
  // Where things were set is said of settings alone.
  const origins = facts.some(({ origin }) => origin !== undefined)
  const spec: TableSpec<FactRow> = {
    id,
    columns: origins ? columns : columns.slice(0, 2),
    order: { key: 'given', compare: (a, b) => a.number - b.number },
    text: ({ fact }) => `${fact.name} ${fact.value} ${fact.origin ?? ''}`,
    alwaysSearched: true,
  }
  return { title, spec, table }
}

/** Known to nobody before somebody looks: what the runtime loads to tell them is 7 MB of memory. */
function localFacts(): EnvironmentFact[] {
  const { locale, timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return [
    { name: 'Locale', value: locale },
    { name: 'Time Zone', value: timeZone },
  ]
}

/** Made once, when it is first looked at, as nothing of it changes while the master runs. */
export class Environment {
  readonly #facts: EnvironmentFacts
  #parts: readonly Part[] | null = null

  constructor(facts: EnvironmentFacts) {
    this.#facts = facts
  }

  get parts(): readonly Part[] {
    const { runtime, spark, system, metrics, variables } = this.#facts
    this.#parts ??= [
      part('runtime', 'Runtime Information', runtime),
      part('spark', 'Spark Properties', spark),
      part('system', 'System Properties', [...system, ...localFacts()]),
      part('metrics', 'Metrics Properties', metrics),
      part('variables', 'Environment Variables', variables),
    ]
    return this.#parts
  }
}

/** @throws BadQuery */
export function environmentPage({ parts }: Environment, asked: PageAsked): string {
  const { root } = placeOf(asked.path)
  const sections = parts.map(({ title, spec, table }) =>
    shownTable(table, spec, asked).section(title, ({ fact }) => {
      const { name, value, origin = '' } = fact
      return [name, value, origin].slice(0, spec.columns.length)
    }),
  )
  return document('Environment', [
    html`<p><a href="${root}">Back to Master</a></p>`,
    sections,
    html`<p>
      Variables are shown whose names begin as spark.master.ui.visibleEnvVarPrefixes says; what
      spark.redaction.regex finds is not.
    </p>`,
  ])
}
