/** Releases in the formats of endoflife.date's API: one product or all of them of version 1, or one product's list of before. */
import { z } from 'zod'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { type Product, PRODUCT_NAMES, productLabel, type Release } from './shipped.ts'

const date = z.iso.date()
const dateOrFlag = z.union([date, z.boolean()]).nullish()

const newRelease = z.object({
  name: z.string().max(100),
  label: z.string().max(200).optional(),
  isEol: z.boolean().optional(),
  eolFrom: date.nullish(),
  eoesFrom: date.nullish(),
})
const newProduct = z.object({ name: z.string().max(100), releases: z.array(newRelease).max(5000) })
const newAnswer = z.object({ schema_version: z.string(), result: z.union([newProduct, z.array(newProduct).max(5000)]) })

const oldRelease = z.object({
  cycle: z.union([z.string().max(100), z.number()]),
  eol: dateOrFlag,
  extendedSupport: dateOrFlag,
})
const oldAnswer = z.array(oldRelease).min(1).max(5000)

export interface ImportedReleases {
  products: Product[]
  releases: Release[]
}

/** `file`: an old list does not name its product, so its file has to. Throws `invalid_input`. */
export function readReleases(file: string, text: string): ImportedReleases {
  const content = parseJson(text)
  const current = newAnswer.safeParse(content)
  if (current.success)
    return known([current.data.result].flat().map(({ name, releases }) => [name, releases.map(ofNew)]))
  const former = oldAnswer.safeParse(content)
  if (former.success) return known([[file.replace(/\.json$/i, ''), former.data.map(ofOld)]])
  throw invalidInput(
    `${file} is not an answer of endoflife.date.`,
    'Save https://endoflife.date/api/v1/products/full or /api/v1/products/<product> as it comes.',
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // Not JSON is one more shape that the schemas refuse.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

type Parsed = Omit<Release, 'product' | 'label'> & { label: string | undefined }

/** `eolFrom` and `eol` are the last day with support. */
const ofNew = ({ name, label, isEol, eolFrom, eoesFrom }: z.infer<typeof newRelease>): Parsed => ({
  cycle: name,
  label,
  supportedUntil: eolFrom ?? null,
  ended: eolFrom ? null : (isEol ?? null),
  extendedUntil: eoesFrom ?? null,
})

const ofOld = ({ cycle, eol, extendedSupport }: z.infer<typeof oldRelease>): Parsed => ({
  cycle: String(cycle),
  label: undefined,
  supportedUntil: typeof eol === 'string' ? eol : null,
  ended: typeof eol === 'boolean' ? eol : null,
  extendedUntil: typeof extendedSupport === 'string' ? extendedSupport : null,
})

const isKnown = (name: string): name is Product => PRODUCT_NAMES.some((product) => product === name)

function known(products: readonly (readonly [string, Parsed[]])[]): ImportedReleases {
  const ours = products.flatMap(([name, releases]) => (isKnown(name) ? [{ name, releases }] : []))
  if (ours.length === 0)
    throw invalidInput(
      'None of its products is an operating system known here.',
      `Known are ${PRODUCT_NAMES.join(', ')}.`,
    )
  return {
    products: ours.map(({ name }) => name),
    releases: ours.flatMap(({ name, releases }) =>
      releases.map(({ label, ...release }) => {
        const shown = label?.startsWith(productLabel(name)) ? label : `${productLabel(name)} ${label ?? release.cycle}`
        return { ...release, product: name, cycle: release.cycle.toLowerCase(), label: shown }
      }),
    ),
  }
}

/** By the owner's login: the table is nobody's own. */
export async function importLifecycle(
  tx: Tx,
  { file, at, content }: { file: string; at: Date; content: ImportedReleases },
): Promise<void> {
  const unique = [
    ...new Map(content.releases.map((release) => [`${release.product} ${release.cycle}`, release])).values(),
  ]
  await tx.prepared('forget_lifecycle', 'delete from lifecycle_releases where product = any ($1::text[])', [
    content.products,
  ])
  await tx.prepared(
    'import_lifecycle',
    `insert into lifecycle_releases (product, cycle, label, supported_until, ended, extended_until, imported_at, file)
     select r.product, r.cycle, r.label, r.until, r.ended, r.extended, $7, $8
     from unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::boolean[], $6::date[]) as r (product, cycle, label, until, ended, extended)`,
    [
      unique.map((release) => release.product),
      unique.map((release) => release.cycle),
      unique.map((release) => release.label),
      unique.map((release) => release.supportedUntil),
      unique.map((release) => release.ended),
      unique.map((release) => release.extendedUntil),
      at,
      file,
    ],
  )
}
