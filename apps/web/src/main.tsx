/** Where the page begins. Everything that is not needed to show the first page is loaded later. */
import { render } from 'preact';
import { App } from './shell/app.js';
import { keepForLater } from './shell/new-version.js';
import './shell/tokens.css';
import './shell/shell.css';
import './parts/parts.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
void keepForLater();
