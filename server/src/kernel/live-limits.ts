/** What the limits have counted so far, of this process: each server process counts for itself. */

export interface LiveCount {
  limit: 'messages' | 'streams_opened' | 'streams_open' | 'acts'
  credentialId: string
  /** Of `acts`: which tool, or "preview of" it. */
  tool: string | null
  used: number
  most: number
  /** Until the count begins anew; null where it falls as streams end. */
  secondsLeft: number | null
}
