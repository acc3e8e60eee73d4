/** Wake-ups about the alerts of one organization, for pages that show them. */
export const alertsOf = (organizationId: string): string => `alerts:${organizationId}`
