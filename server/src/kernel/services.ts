/**
 * What the domains offer to tools, each adding its own beside its service:
 * `declare module '../../kernel/services.ts' { interface Services { commands: Commands } }`
 * The composition root builds them; a step finds them in its context.
 */
// oxlint-disable-next-line typescript/no-empty-interface -- filled by the domains through declaration merging
export interface Services {}
