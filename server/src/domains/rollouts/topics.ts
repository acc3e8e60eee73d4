/** Wake-ups about the rollouts in one organization, for pages that show them. */
export const rolloutsOf = (organizationId: string): string => `rollouts:${organizationId}`
