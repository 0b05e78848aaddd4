/**
 * Test files share the processes that run them, and the packages that are loaded in them. Of this
 * repository's own modules each file gets its own, as in a process of its own.
 */
import { vi } from "vitest";

vi.resetModules();
