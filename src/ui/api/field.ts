/**
 * Fields of what is answered: each says what it means, of which form it is, and how it is made of a row. Answers and
 * their description (openapi.ts) are made from the same tables of them. Pure.
 */
import type { ResourceAmountT, ResourceT } from '../../schema/magneto.js'
import type { ClusterModel } from '../model/cluster-model.js'
import type { ByName, ResourceAmount } from './shapes.js'

/** What we need of JSON Schema 2020-12. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly (string | null)[]
  readonly default?: string | number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema
  readonly anyOf?: readonly Schema[]
}

/** Of the moment at which a row is shown. */
export interface Moment {
  readonly nowMs: number
  /** @param number of its row */
  readonly applicationOf: ClusterModel['applicationOf']
}

export function momentOf(model: ClusterModel): Moment {
  return { nowMs: model.nowMs, applicationOf: (number) => model.applicationOf(number) }
}

/** For rows that tell everything themselves. */
export const timeless: Moment = { nowMs: 0, applicationOf: () => null }

export interface Field<Row, Value> {
  readonly schema: Schema
  readonly of: (row: Row, moment: Moment) => Value
}

export type Fields<Row, Item> = { readonly [Name in keyof Item]-?: Field<Row, Item[Name]> }

export function itemOf<Row, Item>(fields: Fields<Row, Item>, row: Row, moment: Moment): Item {
  const entries = Object.entries<Field<Row, unknown>>(fields)
  return Object.fromEntries(entries.map(([name, { of }]) => [name, of(row, moment)])) as Item
}

export function itemSchema<Row, Item>(fields: Fields<Row, Item>): Schema {
  const entries = Object.entries<Field<Row, unknown>>(fields)
  return object(Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])))
}

/** Every property is always there. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  const about = description === undefined ? {} : { description }
  return { type: 'object', ...about, properties, required: Object.keys(properties) }
}

export const wholeSchema: Schema = { type: 'integer', minimum: 0 }
const amountsSchema: Schema = {
  type: 'array',
  items: object({ name: { type: 'string' }, amount: wholeSchema }),
}

export function text<Row>(
  description: string,
  of: (row: Row) => string | null,
): Field<Row, string> {
  return { schema: { type: 'string', description }, of: (row) => String(of(row)) }
}

export function textOrNull<Row>(
  description: string,
  of: (row: Row) => string | null,
): Field<Row, string | null> {
  return { schema: { type: ['string', 'null'], description }, of }
}

export function texts<Row>(
  description: string,
  of: (row: Row) => readonly string[],
): Field<Row, readonly string[]> {
  const schema = { type: 'array', items: { type: 'string' }, description }
  return { schema, of: (row) => [...of(row)] }
}

export function whole<Row>(
  description: string,
  of: (row: Row) => number | bigint,
): Field<Row, number> {
  return { schema: { ...wholeSchema, description }, of: (row) => Number(of(row)) }
}

export function wholeOrNull<Row>(
  description: string,
  of: (row: Row) => number | null,
): Field<Row, number | null> {
  return { schema: { type: ['integer', 'null'], minimum: 0, description }, of }
}

/** @param of ms since 1970; 0: it has not been */
export function timeOrNull<Row>(
  description: string,
  of: (row: Row) => bigint,
): Field<Row, number | null> {
  return wholeOrNull(description, (row) => (of(row) === 0n ? null : Number(of(row))))
}

export function flag<Row>(description: string, of: (row: Row) => boolean): Field<Row, boolean> {
  return { schema: { type: 'boolean', description }, of }
}

/** One of our enumerations, by its numbers and by its names. */
export type Enumeration = Readonly<Record<string, string | number>>

export function namesOf<Names extends Enumeration>(names: Names): Extract<keyof Names, string>[] {
  const all = Object.values(names).filter((name) => typeof name === 'string')
  return all as Extract<keyof Names, string>[]
}

export function state<Row, Names extends Enumeration>(
  description: string,
  names: Names,
  of: (row: Row) => number,
): Field<Row, Extract<keyof Names, string>> {
  return {
    schema: { type: 'string', enum: namesOf(names), description },
    of: (row) => names[of(row)] as Extract<keyof Names, string>,
  }
}

export function amounts<Row>(
  description: string,
  of: (row: Row) => readonly ResourceAmountT[],
): Field<Row, readonly ResourceAmount[]> {
  return {
    schema: { ...amountsSchema, description },
    of: (row) => of(row).map(({ name, amount }) => ({ name: String(name), amount })),
  }
}

/** Of one worker: its addresses by the name of the resource. */
export function addresses<Row>(
  description: string,
  of: (row: Row) => readonly ResourceT[],
): Field<Row, ByName<readonly string[]>> {
  const items: Schema = { type: 'array', items: { type: 'string' } }
  return {
    schema: { type: 'object', additionalProperties: items, description },
    of: (row) =>
      Object.fromEntries(of(row).map(({ name, addresses: held }) => [String(name), [...held]])),
  }
}
