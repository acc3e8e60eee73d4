/**
 * What a confirmation or approval binds, as the database keeps it: keyed, so that whoever reads the rows can't guess a short
 * secret in an input by trying.
 */
import { timingSafeEqual } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import type { Intended } from './operations.ts'
import type { Call } from './tool.ts'

/** A code over a content that only this server's keys can make; `purpose` keeps those of one kind from standing for another's. */
export interface Mac {
  mac(content: string, purpose: string): Buffer
}

export class Digests {
  readonly #keyed: Mac

  constructor(keyed: Mac) {
    this.#keyed = keyed
  }

  input(tool: string, call: Call): Buffer {
    return this.#keyed.mac(canonicalJson({ tool, input: call.input }), 'operation input')
  }

  /**
   * Status and counts are shown to people but not bound: a device that goes offline meanwhile changes nothing. Where it stands
   * is bound: under another customer it is not what was confirmed.
   */
  effect(intended: Intended): Buffer {
    const bound = {
      tool: intended.tool,
      action: intended.call.action.name,
      input: intended.call.input,
      targets: intended.targets.map(({ id, organizationId, siteId }) => `${id} ${organizationId} ${siteId}`).sort(),
      binding: intended.effect.binding ?? {},
    }
    return this.#keyed.mac(canonicalJson(bound), 'operation effect')
  }
}

/** In a time that tells nothing about where they differ. */
export const sameDigest = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
