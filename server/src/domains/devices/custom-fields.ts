/** Fields that a partner or an organization adds to devices: what they are called, of which type, and their values. */
import { sql } from 'kysely'
import { z } from 'zod'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, invalidInput, notFound } from '../../kernel/errors.ts'
import { isUuid } from '../../kernel/uuid.ts'
import type { FieldType, FieldValue } from './tables.ts'

/** Per partner and per organization. */
export const MOST_FIELDS = 200
export const fieldValue = z.union([z.string().max(500), z.number(), z.boolean()])

export interface CustomField {
  id: string
  organizationId: string | null
  name: string
  type: FieldType
  choices: string[]
}

const DEFINITION = ['id', 'organization_id as organizationId', 'name', 'type', 'choices'] as const

/** Those that the transaction sees, by name. */
export function customFields(tx: Tx): Promise<CustomField[]> {
  return tx.all(
    query
      .selectFrom('custom_fields')
      .select(DEFINITION)
      .orderBy(sql`lower(name)`)
      .orderBy('id'),
  )
}

/** By id or name; a name may stand at the partner's level and in organizations. */
export function fieldsCalled(tx: Tx, reference: string): Promise<CustomField[]> {
  const wanted = query.selectFrom('custom_fields').select(DEFINITION).orderBy('id')
  return tx.all(
    isUuid(reference)
      ? wanted.where('id', '=', reference)
      : wanted.where(sql<boolean>`lower(name) = lower(${reference})`),
  )
}

const NUMBER = /^-?\d{1,15}(\.\d{1,10})?$/
const isDate = (text: string): boolean => z.iso.date().safeParse(text).success

/** As it is stored; undefined where it is no value of the field. */
export function valueOf({ type, choices }: Pick<CustomField, 'type' | 'choices'>, value: FieldValue) {
  const text = String(value).trim()
  switch (type) {
    case 'text':
      return text === '' ? undefined : text
    case 'number':
      return NUMBER.test(text) ? Number(text) : undefined
    case 'date':
      return isDate(text) ? text : undefined
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'choice':
      return choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
  }
}

const FORMS: Record<FieldType, string> = {
  text: 'a text',
  number: 'a number',
  date: 'a date such as 2027-03-31',
  boolean: 'true or false',
  choice: 'one of its choices',
}

export function badValue({ name, type, choices }: CustomField) {
  const form = type === 'choice' ? `one of ${choices.join(', ')}` : FORMS[type]
  return invalidInput(`The custom field "${name}" takes ${form}.`)
}

/** Of the fields of that name, those that can have the value, and how they would store it. */
export async function fieldMatches(tx: Tx, name: string, value: FieldValue) {
  return matching(await fieldsCalled(tx, name), value)
}

/** Throws where there is no field of that name, or none that can have the value. */
export async function requiredMatches(tx: Tx, name: string, value: FieldValue) {
  const fields = await fieldsCalled(tx, name)
  const [first] = fields
  if (!first) throw notFound('custom field', name)
  const matches = matching(fields, value)
  if (matches.length === 0) throw badValue(first)
  return matches
}

const matching = (fields: readonly CustomField[], value: FieldValue) =>
  fields.flatMap((field) => {
    const stored = valueOf(field, value)
    return stored === undefined ? [] : [{ fieldId: field.id, value: stored }]
  })

export interface NewField {
  id: string
  partnerId: string
  organizationId: string | null
  name: string
  type: FieldType
  choices: readonly string[]
  at: Date
}

export async function addField(tx: Tx, field: NewField): Promise<void> {
  const level = await tx.first(
    query
      .selectFrom('custom_fields')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('partner_id', '=', field.partnerId)
      .where('organization_id', field.organizationId === null ? 'is' : '=', field.organizationId),
  )
  if ((level?.n ?? 0) >= MOST_FIELDS)
    throw conflict(`There are ${MOST_FIELDS} custom fields already.`, 'Delete one that is not needed any more.')
  const { id, partnerId, organizationId, name, type, choices, at } = field
  const added = await tx.run(
    query
      .insertInto('custom_fields')
      .values({
        id,
        partner_id: partnerId,
        organization_id: organizationId,
        name,
        type,
        choices: [...choices],
        created_at: at,
      })
      .onConflict((clash) => clash.doNothing()),
  )
  if (added === 0) throw nameTaken(name)
}

/** The type stays: values of it are there. A choice that is taken away is taken from the devices that have it. */
export async function changeField(
  tx: Tx,
  field: CustomField,
  change: { name?: string | undefined; choices?: readonly string[] | undefined },
): Promise<void> {
  const { name = field.name, choices = field.choices } = change
  const clash = await tx.first(
    query
      .selectFrom('custom_fields')
      .select('id')
      .where(sql<boolean>`lower(name) = lower(${name})`)
      .where('organization_id', field.organizationId === null ? 'is' : '=', field.organizationId)
      .where('id', '<>', field.id),
  )
  if (clash) throw nameTaken(name)
  await tx.run(
    query
      .updateTable('custom_fields')
      .set({ name, choices: [...choices] })
      .where('id', '=', field.id),
  )
  if (field.type !== 'choice') return
  await tx.prepared(
    'forget_choices',
    `delete from device_field_values where field_id = $1 and value <> all (select to_jsonb(c) from unnest($2::text[]) c)`,
    [field.id, choices],
  )
}

export async function deleteField(tx: Tx, id: string): Promise<void> {
  await tx.run(query.deleteFrom('custom_fields').where('id', '=', id))
}

const nameTaken = (name: string) =>
  conflict(`There is already a custom field called "${name}".`, 'Choose another name.')

const SET = `
  insert into device_field_values (device_id, field_id, organization_id, site_id, value, updated_at, updated_by)
  select d.id, $2, d.organization_id, d.site_id, $3::jsonb, $4, $5
  from devices d where d.id = any ($1::uuid[]) and d.removed_at is null order by d.id
  on conflict (device_id, field_id) do update set
    value = excluded.value, updated_at = excluded.updated_at, updated_by = excluded.updated_by
  where device_field_values.value <> excluded.value
  returning device_id as id`

const UNSET =
  'delete from device_field_values where device_id = any ($1::uuid[]) and field_id = $2 returning device_id as id'

/** Null takes the value away. Answers the devices that changed. */
export async function setFieldValue(
  tx: Tx,
  deviceIds: readonly string[],
  set: { fieldId: string; value: FieldValue | null; at: Date; by: string },
): Promise<string[]> {
  const { fieldId, value, at, by } = set
  const rows =
    value === null
      ? await tx.prepared<{ id: string }>('unset_field', UNSET, [deviceIds, fieldId])
      : await tx.prepared<{ id: string }>('set_field', SET, [deviceIds, fieldId, JSON.stringify(value), at, by])
  return rows.map((row) => row.id)
}

export interface DeviceField {
  name: string
  type: FieldType
  value: FieldValue
}

/** The fields of a device that have a value, of those whose definition the transaction sees. */
export function fieldsOf(tx: Tx, deviceId: string): Promise<DeviceField[]> {
  return tx.all(
    query
      .selectFrom('device_field_values as v')
      .innerJoin('custom_fields as f', 'f.id', 'v.field_id')
      .select(['f.name', 'f.type', 'v.value'])
      .where('v.device_id', '=', deviceId)
      .orderBy(sql`lower(f.name)`),
  )
}
