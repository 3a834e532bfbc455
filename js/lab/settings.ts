/** The settings of every part of the extension. */

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { Token } from "@lumino/coreutils";
import { type ISignal, Signal } from "@lumino/signaling";
import { DEFAULTS, preferences, type Preferences } from "./preferences";

export interface ISettings {
  /** The defaults until `ready`. */
  readonly current: Preferences;
  /** Resolves once what the user has set is known. */
  readonly ready: Promise<void>;
  readonly changed: ISignal<ISettings, Preferences>;
}

export const ISettings = new Token<ISettings>("nait-widgets:ISettings", "What can be set of nait-widgets");

/** The plugin that `schema/plugin.json` belongs to. */
export const SETTINGS = "nait-widgets:plugin";

class Settings implements ISettings {
  readonly changed = new Signal<this, Preferences>(this);
  readonly ready: Promise<void>;
  current = DEFAULTS;

  constructor(registry: ISettingRegistry | null) {
    this.ready = registry === null ? Promise.resolve() : this.#load(registry);
  }

  async #load(registry: ISettingRegistry): Promise<void> {
    try {
      const settings = await registry.load(SETTINGS);
      const read = (): void => {
        this.current = preferences(settings.composite);
        this.changed.emit(this.current);
      };
      settings.changed.connect(read);
      read();
    } catch (error) {
      console.warn("The settings of nait-widgets can't be read, so the defaults hold:", error);
    }
  }
}

export const settings: JupyterFrontEndPlugin<ISettings> = {
  id: SETTINGS,
  description: "The settings of nait-widgets.",
  autoStart: true,
  optional: [ISettingRegistry],
  provides: ISettings,
  activate: (_app, registry: ISettingRegistry | null) => new Settings(registry),
};
