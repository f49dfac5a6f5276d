/*
 *   edge park-token   unpark -> park   what the giver did before is seen.
 */
