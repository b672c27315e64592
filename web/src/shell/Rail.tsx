/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  Inbox,
  Keyboard,
  LogOut,
  type LucideIcon,
  Moon,
  SlidersHorizontal,
  Sun,
} from "lucide-react";
import { useTheme } from "next-themes";
import { useEffect, useState } from "react";
import { type Locale, useI18n } from "@/i18n";
import { runCommand } from "@/keys/commands";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { leaveConversation, openSettings, settingsPath } from "@/nav/navigation";
import { type Preference, setPreference, usePreference } from "@/notify/preferences";
import { signOut } from "@/session/session";
import { useMe } from "@/session/useSession";
import { Avatar } from "@/ui/Avatar";
import { IconButton } from "@/ui/Button";
import { Logo } from "@/ui/Logo";
import {
  Menu,
  MenuCheckItem,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuLine,
  MenuRadioGroup,
  MenuRadioItem,
  MenuTrigger,
} from "@/ui/Menu";
import { Tip } from "@/ui/Tip";

export function Rail({ live, settings }: { live: boolean; settings: boolean }) {
  const { t } = useI18n();

  return (
    <nav
      aria-label={t.railLabel}
      className="flex w-14 shrink-0 flex-col items-center gap-1 py-3 max-md:hidden"
    >
      <Logo className="mb-3" />
      <Place
        icon={Inbox}
        text={t.inbox}
        keys="g i"
        href="/inbox"
        current={!settings}
        go={leaveConversation}
      />
      <span className="flex-1" />
      <ThemeButton />
      <Place
        icon={SlidersHorizontal}
        text={t.settings}
        keys="g s"
        href={settingsPath("")}
        current={settings}
        go={() => openSettings("")}
      />
      <AccountMenu live={live} side="right" />
    </nav>
  );
}

interface PlaceProps {
  icon: LucideIcon;
  text: string;
  keys: string;
  href: string;
  current: boolean;
  go: () => void;
}

function Place({ icon: Icon, text, keys, href, current, go }: PlaceProps) {
  return (
    <Tip text={text} keys={keys} side="right">
      <a
        href={href}
        aria-current={current ? "page" : undefined}
        aria-label={text}
        onClick={(ev) => {
          ev.preventDefault();
          go();
        }}
        className={cn(
          "grid size-10 place-items-center rounded-card",
          current
            ? "bg-card text-accent-ink ring-1 ring-line"
            : "text-ink-2 transition-fast hover:bg-pressed hover:text-ink",
        )}
      >
        <Icon className="size-5" strokeWidth={1.75} />
      </a>
    </Tip>
  );
}

/** The theme is known only in the browser: until then nothing tells of it. */
function useThemeNow() {
  const { resolvedTheme, theme, setTheme } = useTheme();
  const [ready, setReady] = useState(false);

  useEffect(() => setReady(true), []);

  return { dark: ready && resolvedTheme === "dark", theme: theme ?? "system", setTheme };
}

function ThemeButton() {
  const { t } = useI18n();
  const { dark, setTheme } = useThemeNow();

  return (
    <Tip text={dark ? t.themeLight : t.themeDark} side="right">
      <IconButton
        label={`${t.theme}: ${dark ? t.themeLight : t.themeDark}`}
        className="size-10 rounded-card enabled:hover:bg-pressed"
        onClick={() => setTheme(dark ? "light" : "dark")}
      >
        {dark ? (
          <Sun className="size-5" strokeWidth={1.75} />
        ) : (
          <Moon className="size-5" strokeWidth={1.75} />
        )}
      </IconButton>
    </Tip>
  );
}

const SWITCHES: { name: Preference; text: "sound" | "enterSends" | "singleKeys" }[] = [
  { name: "sound", text: "sound" },
  { name: "enterSends", text: "enterSends" },
  { name: "singleKeys", text: "singleKeys" },
];

/** An item of the phone's bottom bar: a sign above a word. */
export const BAR_ITEM =
  "relative flex flex-col items-center justify-center gap-0.5 text-micro focus-visible:-outline-offset-2";

export function AccountMenu({ live, side }: { live: boolean; side: "right" | "top" }) {
  const { t, locale, setLocale } = useI18n();
  const me = useMe();
  const { theme, setTheme } = useThemeNow();
  const bar = side === "top";
  /* There Enter breaks the line, whatever is chosen elsewhere. */
  const phone = usePhone();

  return (
    <Menu>
      <MenuTrigger asChild>
        <button
          type="button"
          aria-label={bar ? `${t.you}, ${t.accountMenu(me.name)}` : t.accountMenu(me.name)}
          className={bar ? cn(BAR_ITEM, "text-ink-3") : "relative mt-1 rounded-full"}
        >
          <span className="relative">
            <Avatar id={me.id} name={me.name} size={bar ? 20 : 32} />
            <span
              aria-hidden="true"
              className={cn(
                "absolute rounded-full ring-2",
                bar
                  ? "-right-1 -bottom-0.5 size-2 ring-card"
                  : "-right-px -bottom-px size-2.5 ring-gutter",
                live ? "bg-accent" : "bg-control",
              )}
            />
          </span>
          {bar && t.you}
        </button>
      </MenuTrigger>
      <MenuContent side={side} align="end">
        <div className="px-2 pt-1 pb-2">
          <p className="flex items-baseline gap-2">
            <span className="min-w-0 flex-1 truncate font-medium">{me.name}</span>
            <span className="text-ink-3 text-meta">{t[`role_${me.role}`]}</span>
          </p>
          <p className="truncate text-ink-3 text-meta">{me.email}</p>
        </div>
        <MenuLine />
        <MenuLabel>{t.theme}</MenuLabel>
        <MenuRadioGroup value={theme} onValueChange={setTheme}>
          <MenuRadioItem value="light">{t.themeLight}</MenuRadioItem>
          <MenuRadioItem value="dark">{t.themeDark}</MenuRadioItem>
          <MenuRadioItem value="system">{t.themeSystem}</MenuRadioItem>
        </MenuRadioGroup>
        <MenuLabel>{t.language}</MenuLabel>
        <MenuRadioGroup value={locale} onValueChange={(v) => setLocale(v as Locale)}>
          <MenuRadioItem value="pt-BR">Português</MenuRadioItem>
          <MenuRadioItem value="en">English</MenuRadioItem>
        </MenuRadioGroup>
        <MenuLine />
        {SWITCHES.filter((s) => !phone || s.name !== "enterSends").map((s) => (
          <Switch key={s.name} name={s.name} text={t[s.text]} />
        ))}
        <MenuLine />
        {bar && (
          <MenuItem icon={<SlidersHorizontal />} onSelect={() => openSettings("")}>
            {t.settings}
          </MenuItem>
        )}
        <MenuItem icon={<Keyboard />} keys="?" onSelect={() => runCommand("help")}>
          {t.shortcuts}
        </MenuItem>
        <MenuItem icon={<LogOut />} onSelect={() => void signOut()}>
          {t.signOut}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}

function Switch({ name, text }: { name: Preference; text: string }) {
  const on = usePreference(name);

  return (
    <MenuCheckItem
      checked={on}
      onCheckedChange={(next) => setPreference(name, next)}
      onSelect={(ev) => ev.preventDefault()}
    >
      {text}
    </MenuCheckItem>
  );
}
