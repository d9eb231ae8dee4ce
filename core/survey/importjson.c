/* importjson.c - see importjson.h */
#include "survey/importjson.h"

json_t *importjson_load(const struct survey_input *in, struct pl_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(in->bytes, in->len, 0, &why);

	if (root == NULL)
		pl_errorf(err, PL_EUSAGE, "%s:%d: this is no JSON: %s", in->name,
			  why.line > 0 ? why.line : 1, why.text);
	return root;
}

const char *importjson_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const json_t *importjson_list(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_array(value) ? value : NULL;
}

const json_t *importjson_object(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}
