/* SPDX-License-Identifier: MIT
 *
 * cmd_completion.c - simclr completion: words for bash, zsh and fish, from the tables.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const char *const EXAMPLES[] = {
    "source <(simclr completion bash)",
    "In bash, now; in ~/.bashrc, always.",
    "simclr completion zsh > ~/.zfunc/_simclr",
    "For zsh, with ~/.zfunc in fpath.",
    "simclr completion fish > ~/.config/fish/completions/simclr.fish",
    "For fish.",
    NULL};

static void print_commands(void)
{
    for (size_t i = 0; i < cli_command_count(); i++) {
        printf("%s%s", i > 0 ? " " : "", cli_command_at(i)->name);
    }
}

static void print_presets(void)
{
    simclr_preset preset;
    for (size_t i = 0; simclr_preset_at(&preset, i); i++) {
        printf("%s%s", i > 0 ? " " : "", preset.name);
    }
}

/* Options of a command, and key= of those that take keys. */
static void print_words(const cli_command *c)
{
    const cli_option *tables[] = {c->options, cli_common_options, cli_file_options(c)};
    simclr_key key;
    for (size_t t = 0; t < 3; t++) {
        for (const cli_option *o = tables[t]; o != NULL && o->name != NULL; o++) {
            printf("--%s ", o->name);
        }
    }
    for (size_t i = 0; cli_key(&key, c, i); i++) {
        printf("%s= ", key.alias != NULL ? key.alias : key.name);
    }
}

static void print_cases(const char *variable)
{
    printf("    case \"%s\" in\n", variable);
    for (size_t i = 0; i < cli_command_count(); i++) {
        const cli_command *c = cli_command_at(i);
        printf("        %s) words='", c->name);
        print_words(c);
        if (strcmp(c->name, "help") == 0) {
            print_commands();
        } else if (strcmp(c->name, "presets") == 0) {
            print_presets();
        } else if (strcmp(c->name, "completion") == 0) {
            printf("bash zsh fish");
        }
        printf("' ;;\n");
    }
    printf("    esac\n");
}

static void print_bash(void)
{
    printf("# bash completion of simclr; source it\n"
           "_simclr()\n{\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} words=''\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    print_commands();
    printf("' -- \"$current\"))\n        return\n    fi\n"
           "    if [ \"${COMP_WORDS[COMP_CWORD-1]}\" = --preset ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    print_presets();
    printf("' -- \"$current\"))\n        return\n    fi\n");
    print_cases("${COMP_WORDS[1]}");
    printf("    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    case \"${COMPREPLY[0]}\" in *=) compopt -o nospace ;; esac\n"
           "}\n"
           "complete -o default -F _simclr simclr\n");
}

static void print_zsh(void)
{
    printf("#compdef simclr\n"
           "_simclr()\n{\n"
           "    local words_of='' words=''\n"
           "    if (( CURRENT == 2 )); then\n        compadd -- ");
    print_commands();
    printf("\n        return\n    fi\n"
           "    words_of=${(Q)${(z)BUFFER}[2]}\n"
           "    if [[ ${${(z)LBUFFER}[-1]} == --preset || ${${(z)LBUFFER}[-2]} == --preset ]]; "
           "then\n        compadd -- ");
    print_presets();
    printf("\n        return\n    fi\n");
    print_cases("$words_of");
    printf("    compadd -S '' -- ${(M)${=words}:#*=}\n"
           "    compadd -- ${${=words}:#*=}\n"
           "    _files\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _simclr ]; then _simclr \"$@\"; "
           "else compdef _simclr simclr; fi\n");
}

static void print_fish(void)
{
    simclr_key key;
    printf("# fish completion of simclr\n");
    for (size_t i = 0; i < cli_command_count(); i++) {
        const cli_command *c = cli_command_at(i);
        const cli_option *tables[] = {c->options, cli_common_options, cli_file_options(c)};
        printf("complete -c simclr -n __fish_use_subcommand -f -a %s -d '%s'\n", c->name,
               c->summary);
        for (size_t t = 0; t < 3; t++) {
            for (const cli_option *o = tables[t]; o != NULL && o->name != NULL; o++) {
                printf("complete -c simclr -n '__fish_seen_subcommand_from %s' -l %s%s", c->name,
                       o->name, o->value != NULL ? " -r" : "");
                if (strcmp(o->name, "preset") == 0) {
                    printf(" -f -a '");
                    print_presets();
                    printf("'");
                }
                printf("\n");
            }
        }
        for (size_t k = 0; cli_key(&key, c, k); k++) {
            printf("complete -c simclr -n '__fish_seen_subcommand_from %s' -a %s=\n", c->name,
                   key.alias != NULL ? key.alias : key.name);
        }
    }
}

static int run(const cli_args *args, simclr_error *err)
{
    if (strcmp(args->word[0], "bash") == 0) {
        print_bash();
    } else if (strcmp(args->word[0], "zsh") == 0) {
        print_zsh();
    } else if (strcmp(args->word[0], "fish") == 0) {
        print_fish();
    } else {
        snprintf(err->text, sizeof(err->text), "'%.40s' is not bash, zsh or fish", args->word[0]);
        return SIMCLR_E_USAGE;
    }
    return SIMCLR_OK;
}

const cli_command cmd_completion = {"completion",
                                    "bash|zsh|fish",
                                    "Print completion for a shell",
                                    NULL,
                                    NULL,
                                    EXAMPLES,
                                    1,
                                    1,
                                    false,
                                    run,
                                    NULL};
