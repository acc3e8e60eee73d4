/**
 * The tables that the query builder knows. Each domain adds its own beside its service:
 * `declare module '../../kernel/schema.ts' { interface Database { devices: DevicesTable } }`
 */
// oxlint-disable-next-line typescript/no-empty-interface -- filled by the domains through declaration merging
export interface Database {}
