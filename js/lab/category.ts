/** Under which the command palette and the launcher list what is ours. */
export const CATEGORY = "Activation Stores";
