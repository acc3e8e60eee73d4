/** A client's name; in quotes where it chose it by itself. */
export const clientLabel = (client: { name: string; verified: boolean; first_party?: boolean }): string =>
  client.verified || client.first_party ? client.name : `“${client.name}”`
