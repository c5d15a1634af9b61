/* SPDX-License-Identifier: MIT
 *
 * tfevents_hparams.c - hyperparameters for TensorBoard's HPARAMS tab: what may vary and which
 * scalars are results (experiment), and the values of this run (session start).
 *
 * Each is an empty float tensor whose metadata carries a packed HParamsPluginData.
 */
#include "core/alloc.h"
#include "monitor/tfevents_event.h"

static int put_plugin(sc_tfevents *events, const char *tag, const Tb__HParamsPluginData *data,
                      simclr_error *err)
{
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    Tb__SummaryMetadata metadata = TB__SUMMARY_METADATA__INIT;
    Tb__SummaryMetadata__PluginData plugin = TB__SUMMARY_METADATA__PLUGIN_DATA__INIT;
    Tb__Tensor tensor = TB__TENSOR__INIT;
    Tb__Shape shape = TB__SHAPE__INIT;
    Tb__Shape__Dim dim = TB__SHAPE__DIM__INIT, *dims = &dim;
    char name[] = "hparams";
    size_t size = tb__hparams_plugin_data__get_packed_size(data);
    uint8_t *content = sc_alloc(size, 1, err);
    if (content == NULL)
        return SIMCLR_E_MEMORY;
    tb__hparams_plugin_data__pack(data, content);
    plugin.plugin_name = name;
    plugin.has_content = 1;
    plugin.content.len = size;
    plugin.content.data = content;
    metadata.plugin_data = &plugin;
    metadata.has_data_class = 1;
    metadata.data_class = 2;
    dim.has_size = 1;
    dim.size = 0;
    shape.n_dim = 1;
    shape.dim = &dims;
    tensor.has_dtype = 1;
    tensor.dtype = 1; /* float */
    tensor.shape = &shape;
    v.tag = sc_tfevents_mutable(tag);
    v.metadata = &metadata;
    v.tensor = &tensor;
    int rc = sc_tfevents_put_value(events, &v, 0, err);
    sc_free(content);
    return rc;
}

static int put_experiment(sc_tfevents *events, const sc_tfevents_hparam *list, size_t count,
                          const char *const *tags, size_t tag_count, simclr_error *err)
{
    Tb__Experiment experiment = TB__EXPERIMENT__INIT;
    Tb__HParamsPluginData data = TB__HPARAMS_PLUGIN_DATA__INIT;
    Tb__HParamInfo *info = sc_alloc(count, sizeof *info, err);
    Tb__HParamInfo **infos = sc_alloc(count, sizeof *infos, err);
    Tb__MetricInfo *metric = sc_alloc(tag_count, sizeof *metric, err);
    Tb__MetricInfo **metrics = sc_alloc(tag_count, sizeof *metrics, err);
    Tb__MetricInfo__Name *name = sc_alloc(tag_count, sizeof *name, err);
    int rc = SIMCLR_E_MEMORY;
    if (info == NULL || infos == NULL || metric == NULL || metrics == NULL || name == NULL)
        goto done;
    for (size_t i = 0; i < count; i++) {
        tb__hparam_info__init(&info[i]);
        info[i].name = sc_tfevents_mutable(list[i].name);
        info[i].has_type = 1;
        info[i].type = list[i].text ? 1 : 3;
        infos[i] = &info[i];
    }
    for (size_t i = 0; i < tag_count; i++) {
        tb__metric_info__init(&metric[i]);
        tb__metric_info__name__init(&name[i]);
        name[i].tag = sc_tfevents_mutable(tags[i]);
        metric[i].name = &name[i];
        metrics[i] = &metric[i];
    }
    experiment.n_hparam_infos = count;
    experiment.hparam_infos = infos;
    experiment.n_metric_infos = tag_count;
    experiment.metric_infos = metrics;
    data.experiment = &experiment;
    rc = put_plugin(events, "_hparams_/experiment", &data, err);
done:
    sc_free(name);
    sc_free(metrics);
    sc_free(metric);
    sc_free(infos);
    sc_free(info);
    return rc;
}

typedef struct {
    Tb__SessionStartInfo__Entry entry;
    Tb__HValue value;
} hparam_slot;

static int put_session_start(sc_tfevents *events, const sc_tfevents_hparam *list, size_t count,
                             simclr_error *err)
{
    Tb__SessionStartInfo start = TB__SESSION_START_INFO__INIT;
    Tb__HParamsPluginData data = TB__HPARAMS_PLUGIN_DATA__INIT;
    hparam_slot *slot = sc_alloc(count, sizeof *slot, err);
    Tb__SessionStartInfo__Entry **entries = sc_alloc(count, sizeof *entries, err);
    int rc = SIMCLR_E_MEMORY;
    if (slot == NULL || entries == NULL)
        goto done;
    for (size_t i = 0; i < count; i++) {
        tb__session_start_info__entry__init(&slot[i].entry);
        tb__hvalue__init(&slot[i].value);
        slot[i].entry.key = sc_tfevents_mutable(list[i].name);
        slot[i].entry.value = &slot[i].value;
        if (list[i].text != NULL) {
            slot[i].value.string_value = sc_tfevents_mutable(list[i].text);
        } else {
            slot[i].value.has_number_value = 1;
            slot[i].value.number_value = list[i].number;
        }
        entries[i] = &slot[i].entry;
    }
    start.n_hparams = count;
    start.hparams = entries;
    start.has_start_time_secs = 1;
    start.start_time_secs = sc_tfevents_now(events);
    data.session_start_info = &start;
    rc = put_plugin(events, "_hparams_/session_start_info", &data, err);
done:
    sc_free(entries);
    sc_free(slot);
    return rc;
}

int sc_tfevents_hparams(sc_tfevents *events, const sc_tfevents_hparam *list, size_t count,
                        const char *const *metric_tags, size_t metric_count, simclr_error *err)
{
    int rc = put_experiment(events, list, count, metric_tags, metric_count, err);
    return rc < 0 ? rc : put_session_start(events, list, count, err);
}
