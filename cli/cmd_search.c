/* SPDX-License-Identifier: MIT
 *
 * cmd_search.c - simclr search: neighbours of images, near-duplicates, outliers.
 */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 10000, USUAL_K = 10, USUAL_COUNT = 20, LINE = 12 };

static const cli_option options[] = {
    {"data", 0, "DATA", "the images to search; default: the run's own"},
    {"split", 0, "NAME", "of these: all (default), train, test or unlabeled"},
    {"neighbours", 'k', "N", "images for each query; of outliers: compared with; default 10"},
    {"duplicates", 0, NULL, "groups of images that are nearly the same"},
    {"threshold", 0, "T", "similarity of duplicates, above 0, up to 1; default 0.995"},
    {"outliers", 0, NULL, "the images that are least like their neighbours"},
    {"count", 'n', "N", "outliers shown; default 20"},
    {"sheet", 0, "FILE.png", "also draw what was found"},
    {"fresh", 0, NULL, "embed the images anew, whatever the run has kept"},
    {"json", 0, NULL, "print one JSON object"},
    {0},
};

static const char *const keys[] = {
    "eval.batch", "train.device", "train.threads", "train.precision", NULL,
};

static const char *const examples[] = {
    "simclr search runs/a cat.jpg",
    "the ten images of the run's data that are most like it",
    "simclr search runs/a cat.jpg dogs/ --data photos/ -k 5 --sheet found.png",
    "of each query five, among other images, as text and as a picture",
    "simclr search runs/a --data photos/ --duplicates --sheet twins.png",
    "copies, resized and re-encoded ones too",
    "simclr search runs/a --outliers -n 50 --json",
    "what does not belong, for a script",
    NULL,
};

/* ---- arguments ---- */

static int refuse(simclr_error *err, const char *text)
{
    snprintf(err->text, sizeof err->text, "%s", text);
    return err->code = SIMCLR_E_USAGE;
}

static int no_memory(simclr_error *err)
{
    snprintf(err->text, sizeof err->text, "no memory for what was found");
    return err->code = SIMCLR_E_MEMORY;
}

static int read_threshold(double *out, const char *text, simclr_error *err)
{
    char *end;
    *out = 0.995; /* docs/results.md says why */
    if (text == NULL)
        return 0;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && *out > 0 && *out <= 1)
        return 0;
    snprintf(err->text, sizeof err->text,
             "--threshold '%.60s': expected a similarity above 0, up to 1", text);
    return err->code = SIMCLR_E_USAGE;
}

/* One question at a time; and no option that has no meaning for it. */
static int read_kind(cli_search *s, const cli_args *args, simclr_error *err)
{
    bool duplicates = cli_flag(args, "duplicates"), outliers = cli_flag(args, "outliers");
    bool queries = args->words > 1;
    if (!queries && !duplicates && !outliers)
        return refuse(err, "nothing to look for: give images (files, directories of them, names of "
                           "images of the set), or --duplicates, or --outliers");
    if (queries + duplicates + outliers > 1)
        return refuse(err, "one question at a time: queries, --duplicates or --outliers");
    if (cli_flag(args, "threshold") && !duplicates)
        return refuse(err, "--threshold: goes with --duplicates alone");
    if (cli_flag(args, "count") && !outliers)
        return refuse(err, "-n, --count: goes with --outliers alone; -k is for neighbours");
    if (cli_flag(args, "neighbours") && duplicates)
        return refuse(err, "-k, --neighbours: a group of duplicates has as many as there are");
    s->kind = duplicates ? CLI_DUPLICATES : outliers ? CLI_OUTLIERS : CLI_QUERIES;
    return 0;
}

static int read_arguments(cli_search *s, const cli_args *args, simclr_error *err)
{
    long long k = 0, count = 0;
    int rc = read_kind(s, args, err);
    if (rc == 0)
        rc = cli_integer(&k, args, "neighbours", USUAL_K, 1, MOST, err);
    if (rc == 0)
        rc = cli_integer(&count, args, "count", USUAL_COUNT, 1, MOST, err);
    if (rc == 0)
        rc = read_threshold(&s->threshold, cli_value(args, "threshold"), err);
    s->k = (size_t)k;
    s->count = (size_t)count;
    s->sheet = cli_value(args, "sheet");
    s->json = cli_flag(args, "json");
    return rc;
}

/* ---- queries ---- */

static int add_query(cli_search *s, const char *query, simclr_error *err)
{
    if (s->queries == s->query_room) {
        size_t room = 2 * s->query_room + 64;
        char **larger = realloc(s->query, room * sizeof *larger);
        if (larger == NULL)
            return no_memory(err);
        s->query = larger;
        s->query_room = room;
    }
    s->query[s->queries] = strdup(query);
    if (s->query[s->queries] == NULL)
        return no_memory(err);
    s->queries++;
    return 0;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The images of a directory; how many of them cannot be read is said. */
static int add_directory(cli_search *s, const char *path, const simclr_observer *observer,
                         simclr_error *err)
{
    simclr_config *config = NULL;
    simclr_dataset *dataset = NULL;
    simclr_dataset_info info;
    char spec[4200], text[64];
    snprintf(spec, sizeof spec, "folder:%s", path);
    int rc = simclr_config_new(&config, err);
    if (rc == 0)
        rc = simclr_config_set(config, "data.max_bad", "1", SIMCLR_FROM_CLI, NULL, err);
    if (rc == 0)
        rc = simclr_config_set(config, "data.memory_limit", "1", SIMCLR_FROM_CLI, NULL, err);
    if (rc == 0)
        rc = simclr_dataset_open(&dataset, spec, "all", config, err);
    if (rc == 0)
        rc = simclr_dataset_describe(&info, dataset, err);
    for (size_t i = 0; rc == 0 && i < info.count; i++)
        rc = add_query(s, simclr_dataset_name(dataset, i), err);
    if (rc == 0 && info.skipped > 0) {
        snprintf(text, sizeof text, "unreadable images among the queries: %zu", info.skipped);
        observer->message(observer->context, SIMCLR_WARNING, text);
    }
    simclr_dataset_close(dataset);
    simclr_config_free(config);
    return rc;
}

static int add_queries(cli_search *s, const cli_args *args, const simclr_observer *observer,
                       simclr_error *err)
{
    int rc = 0;
    for (int i = 1; rc == 0 && i < args->words; i++)
        rc = is_directory(args->word[i]) ? add_directory(s, args->word[i], observer, err)
                                         : add_query(s, args->word[i], err);
    return rc;
}

/* ---- looking ---- */

static int take_rows(cli_search *s, size_t matches, size_t rows, simclr_error *err)
{
    s->match = calloc(matches + 1, sizeof *s->match);
    s->row = calloc(rows + 1, sizeof *s->row);
    return s->match == NULL || s->row == NULL ? no_memory(err) : 0;
}

static int find_neighbours(cli_search *s, simclr_error *err)
{
    int rc = take_rows(s, s->queries * s->k, s->queries, err);
    if (rc == 0)
        rc = simclr_index_search(s->match, &s->k, s->index, (const char *const *)s->query,
                                 s->queries, err);
    s->rows = s->queries;
    for (size_t i = 0; rc == 0 && i < s->rows; i++)
        s->row[i] = (simclr_sheet_row){s->query[i], s->match + i * s->k, s->k};
    return rc;
}

static int find_duplicates(cli_search *s, simclr_error *err)
{
    size_t most = s->info.images / 2 + 1, at = 0;
    size_t *size = calloc(most, sizeof *size);
    int rc = size == NULL ? no_memory(err) : take_rows(s, s->info.images, most, err);
    if (rc == 0)
        rc = simclr_index_duplicates(s->match, size, &s->rows, s->index, s->threshold, err);
    for (size_t g = 0; rc == 0 && g < s->rows; g++) {
        s->row[g] = (simclr_sheet_row){NULL, s->match + at, size[g]};
        at += size[g];
    }
    free(size);
    return rc;
}

/* Their similarity becomes a distance; on the sheet they are lines of a dozen. */
static int find_outliers(cli_search *s, simclr_error *err)
{
    int rc = take_rows(s, s->count, s->count, err);
    if (rc == 0)
        rc = simclr_index_outliers(s->match, &s->count, &s->k, s->index, err);
    for (size_t at = 0; rc == 0 && at < s->count; at += LINE) {
        size_t left = s->count - at;
        s->row[s->rows++] = (simclr_sheet_row){NULL, s->match + at, left < LINE ? left : LINE};
    }
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        s->match[i].similarity = 1 - s->match[i].similarity;
    return rc;
}

/* Queries are read before the images are embedded, so that a wrong one costs no time. */
static int look(cli_search *s, simclr_error *err)
{
    int rc = 0;
    if (s->kind == CLI_QUERIES)
        rc = find_neighbours(s, err);
    if (rc == 0)
        rc = simclr_index_load(&s->info, s->index, err);
    if (rc == 0 && s->kind == CLI_DUPLICATES)
        rc = find_duplicates(s, err);
    if (rc == 0 && s->kind == CLI_OUTLIERS)
        rc = find_outliers(s, err);
    if (rc == 0 && s->sheet != NULL && s->rows > 0)
        rc = simclr_index_sheet(s->sheet, s->index, s->row, s->rows, err);
    return rc;
}

/* ---- the command ---- */

static int open_index(cli_search *s, const cli_args *args, const simclr_observer *observer,
                      simclr_error *err)
{
    simclr_config *settings = NULL;
    int rc = cli_config(&settings, args, err);
    if (rc < 0)
        return rc;
    const simclr_index_options o = {.spec = cli_value(args, "data"),
                                    .split = cli_value(args, "split"),
                                    .fresh = cli_flag(args, "fresh"),
                                    .settings = settings};
    rc = simclr_index_open(&s->index, args->word[0], &o, observer, err);
    simclr_config_free(settings);
    return rc;
}

static int run_search(const cli_args *args, simclr_error *err)
{
    cli_search s = {0};
    simclr_observer observer = cli_observer(args);
    cli_catch_signals();
    int rc = read_arguments(&s, args, err);
    if (rc == 0)
        rc = add_queries(&s, args, &observer, err);
    if (rc == 0)
        rc = open_index(&s, args, &observer, err);
    if (rc == 0)
        rc = look(&s, err);
    cli_clear_line();
    if (rc == 0 && s.json)
        cli_search_json(&s, args->word[0]);
    else if (rc == 0)
        cli_search_text(&s);
    simclr_index_close(s.index);
    for (size_t i = 0; i < s.queries; i++)
        free(s.query[i]);
    free(s.query);
    free(s.match);
    free(s.row);
    return rc;
}

const cli_command cmd_search = {
    .name = "search",
    .usage = "RUN QUERY... | --duplicates | --outliers [--data DATA] [-k N] [--sheet FILE.png]",
    .summary = "Find images by example, near-duplicates, and what does not belong",
    .text = "Compares images by the cosine of their features h. A QUERY is an image file, a\n"
            "directory of them, or the name of an image of the set (data_batch_1.bin#17); one\n"
            "that is of the set finds itself first. Every image is compared: nothing is\n"
            "approximate.\n\n"
            "--duplicates joins images whose similarity is at least the threshold, and prints\n"
            "groups of connected ones, the largest first, each with the similarity to its\n"
            "first; not all of a group need be that similar to each other. Look at the sheet\n"
            "before deleting: what counts as the same depends on the encoder.\n\n"
            "--outliers ranks images by their mean distance to the k nearest others.\n\n"
            "The features are kept in RUN/index, so that the next search is quick, and made\n"
            "anew when weights, settings or images have changed. Of a folder's images names,\n"
            "sizes and times are compared, not contents: --fresh embeds them in any case.",
    .options = options,
    .examples = examples,
    .words_min = 1,
    .words_max = -1,
    .keys = true,
    .only = keys,
    .run = run_search,
};
