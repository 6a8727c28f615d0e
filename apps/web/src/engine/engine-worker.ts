/** The engine's worker: the packages of linac, the same as on the command line, behind the link to the page. */
import { serve } from '../link/engine-link.js';
import { methods } from './methods.js';

serve(methods);
