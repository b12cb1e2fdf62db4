/** Which rows of a list are wanted, from a parameter of the request; and what that parameter must be. Pure. */
import type { ClusterModel } from '../model/cluster-model.js'
import { BadQuery } from '../table-query.js'
import { namesOf, type Enumeration, type Schema } from './field.js'

/** A parameter of the query. */
export interface Parameter {
  readonly name: string
  readonly description: string
  readonly schema: Schema
}

export interface Wanted<R> {
  /** The same for all that want the same. */
  readonly key: string
  readonly of: (row: R) => boolean
}

export interface Filter<R> extends Parameter {
  /** @throws BadQuery */
  wanted(text: string, model: ClusterModel): Wanted<R>
}

/** @throws BadQuery */
export function listed<Name extends string>(
  name: string,
  text: string,
  known: readonly Name[],
): Name[] {
  const named = new Set(text.split(','))
  const chosen = known.filter((one) => named.delete(one))
  if (named.size === 0) return chosen
  throw new BadQuery(`${name} must be one or more of ${known.join(', ')}, with commas between`)
}

/** @param known all that may be named, with commas between */
export function listedSchema(known: readonly string[]): Schema {
  return { type: 'array', items: { type: 'string', enum: known } }
}

export function stateFilter<R>(names: Enumeration, of: (row: R) => number): Filter<R> {
  const known = namesOf(names)
  return {
    name: 'state',
    description: 'Only those in one of these states.',
    schema: listedSchema(known),
    wanted: (text) => {
      const chosen = listed('state', text, known)
      const states = new Set(chosen.map((name) => names[name]))
      return { key: chosen.join(','), of: (row) => states.has(of(row)) }
    },
  }
}

export function activeFilter<R>(active: (row: R) => boolean): Filter<R> {
  return {
    name: 'active',
    description: 'true: only those that have not ended; false: only those that have.',
    schema: { type: 'boolean' },
    wanted: (text) => {
      if (text !== 'true' && text !== 'false') throw new BadQuery('active must be true or false')
      return { key: text, of: (row) => active(row) === (text === 'true') }
    },
  }
}

/** @param find what a row must have for this id; one that nobody has is what no row has */
export function idFilter<R, Key extends string | number>(
  name: string,
  of: (row: R) => Key,
  find: (model: ClusterModel, id: string) => Key,
): Filter<R> {
  return {
    name,
    description: `Only those of the ${name} with this id.`,
    schema: { type: 'string' },
    wanted: (text, model) => {
      const key = find(model, text)
      return { key: String(key), of: (row) => of(row) === key }
    },
  }
}
