/** How this device gets out: its default gateway and name servers. */
export interface NetworkPath {
  source: string
  /** An IPv6 link-local address carries its interface as a zone: `fe80::1%eth0`. */
  gateway: string | null
  nameServers: string[]
}

/** Whether the neighbour table knows an answer of the gateway: null where there is no telling. */
export type KnownNeighbour = (address: string) => Promise<boolean | null>

export interface NetworkReader {
  path(): Promise<NetworkPath>
  neighbour: KnownNeighbour
}
