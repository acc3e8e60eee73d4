const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a reference is an id: anything else would fail in the query, or is a name. */
export const isUuid = (text: string): boolean => UUID.test(text)
